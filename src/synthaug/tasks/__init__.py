"""Downstream tasks: what an arm's training subjects are used for."""
