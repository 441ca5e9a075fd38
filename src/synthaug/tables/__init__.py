"""Result tables: long rows of one fact each, their schema, and the versions they are collected under."""

from synthaug.tables.rows import (
    COLUMNS,
    INTEGER_COLUMNS,
    KEY_COLUMNS,
    STATUSES,
    TABLE,
    TEXT_COLUMNS,
    VALUED_STATUSES,
    Column,
    Row,
    about,
    key_text,
    make_table,
)

__all__ = [
    "COLUMNS",
    "INTEGER_COLUMNS",
    "KEY_COLUMNS",
    "STATUSES",
    "TABLE",
    "TEXT_COLUMNS",
    "VALUED_STATUSES",
    "Column",
    "Row",
    "about",
    "key_text",
    "make_table",
]
