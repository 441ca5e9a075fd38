"""Typed configuration: the single source of defaults, of the schema and of config/README.md."""
