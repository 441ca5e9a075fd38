"""The strongest control of an arm."""

from __future__ import annotations

from collections.abc import Sequence

from synthaug.tables import VALUED_STATUSES, Row


def favourable(row: Row) -> float:
    """A difference, positive where it is better."""
    return float(-row["value"] if row["direction"] == "lower" else row["value"])


def strongest_control(rows: Sequence[Row]) -> Row | None:
    """The measured comparison with the least favourable difference."""
    measured = [row for row in rows if row["status"] in VALUED_STATUSES]
    return min(measured, key=favourable, default=None)
