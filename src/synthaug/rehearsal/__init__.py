"""A study's models on a GPU that is not there: what a training step computes and keeps, before anything runs."""
