"""Sections of the report: a module that makes the content, and the template of the same name beside it."""
