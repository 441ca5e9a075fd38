"""What changed between two table versions, and what recorded facts explain it."""

from synthaug.tables.diff.causes import Reason, explain
from synthaug.tables.diff.format import Difference, as_json, as_text, compare_versions
from synthaug.tables.diff.rows import Change, RowChanges, compare_rows

__all__ = [
    "Change",
    "Difference",
    "Reason",
    "RowChanges",
    "as_json",
    "as_text",
    "compare_rows",
    "compare_versions",
    "explain",
]
