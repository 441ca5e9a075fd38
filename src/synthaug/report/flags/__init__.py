"""Kinds of flags: one module a kind, each with its own ``KIND``."""
