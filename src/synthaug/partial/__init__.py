"""Tables and a page of a study that is not complete: what there is, what is not, and no verdict over it."""
