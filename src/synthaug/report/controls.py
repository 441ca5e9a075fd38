"""The strongest control of an arm."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from synthaug.tables import VALUED_STATUSES, Row


def favourable(row: Row) -> float:
    """A difference, positive where it is better."""
    return float(-row["value"] if row["direction"] == "lower" else row["value"])


def strongest_control(rows: Sequence[Row], controls: Collection[str]) -> Row | None:
    """The comparison of an arm with the least favourable difference.

    Parameters
    ----------
    rows : sequence of Row
        Comparisons of one arm, of any status.
    controls : collection of str
        Its size-matched controls.

    Returns
    -------
    Row or None
        None unless every control has a measured comparison: which one is the strongest is unknown before.
    """
    measured = [row for row in rows if row["versus"] in controls and row["status"] in VALUED_STATUSES]
    if {row["versus"] for row in measured} != set(controls):
        return None
    return min(measured, key=favourable, default=None)
