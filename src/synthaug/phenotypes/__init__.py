"""Phenotypes: numbers measured on masks and volume curves of a short-axis cine, declared in one registry.

The functions work on plain label arrays and import only `core`, `labels`, `views` and `metrics` of the package.
"""
