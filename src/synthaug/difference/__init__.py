"""What changed between two table versions, and what recorded facts explain it."""

from synthaug.difference.numbers import Change, RowChanges, compare_rows
from synthaug.difference.reasons import Reason, explain
from synthaug.difference.words import Difference, as_json, as_text, compare_versions

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
