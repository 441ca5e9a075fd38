"""Tables of published papers, beside the same table of a study's own results."""
