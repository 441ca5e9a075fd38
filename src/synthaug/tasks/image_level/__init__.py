"""Tasks that say one thing of a whole cine: classification of the diagnosis, regression of phenotypes."""
