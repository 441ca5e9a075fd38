"""A trained generator as one folder for other machines: weights, configuration, card; and cines from such a folder."""
