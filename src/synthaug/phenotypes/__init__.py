"""Phenotypes: what masks and volume curves of a short-axis cine say of a heart, declared in one registry.

The functions work on plain label arrays and import nothing of the package but labels, errors and metrics.
"""
