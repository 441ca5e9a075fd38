"""Result rows as the report's sections take them: mappings, selected, with the reason where a value lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from synthaug.metric_registry import in_group
from synthaug.report import wording

Row = dict[str, Any]
#: Writes a figure (name, SVG, title, words for who cannot see it) and returns what the page needs of it.
Draw = Callable[[str, str, str, str], dict[str, str]]

OVERLAP = in_group("overlap")
CLINICAL = in_group("cardiac function errors")
DISTANCES = in_group("distances")
FIDELITY = in_group("fidelity")
TEXT = in_group("text agreement")
MIXING = in_group("mixing")


def records(table: pd.DataFrame) -> list[Row]:
    """Rows as mappings; unknown is None, whatever its type was."""
    found = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(column): value for column, value in row.items()} for row in found]


def select(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """Rows whose columns have these values; a tuple allows any of its members."""
    return [
        row
        for row in rows
        if all(
            row[column] in value if isinstance(value, tuple) else row[column] == value
            for column, value in wanted.items()
        )
    ]


def pooled(rows: Iterable[Row]) -> list[Row]:
    """Rows about all patients, vendors and diagnoses together."""
    return select(rows, subject=None, vendor=None, diagnosis=None)


def broadest(rows: Sequence[Row]) -> list[Row]:
    """Of rows at several levels, those about all structures and phases, or the next finer level."""
    for level in ({"structure": None, "phase": None}, {"phase": None}):
        found = select(rows, **level)
        if found:
            return found
    return list(rows)


def estimate(row: Row | None) -> dict[str, Any]:
    """A value as a cell shows it: with its interval and n, or with the reason why there is none."""
    keys = (
        *("value", "status", "note", "n", "ci_low", "ci_high", "floor", "floor_sd", "p_value", "p_adjusted"),
        *(
            "p_wilcoxon",
            "p_permutation",
            "p_equivalence",
            "effect_size",
            "detectable",
            "boot_low",
            "boot_high",
        ),
    )
    if row is None:
        absent = {"status": "not_measured", "places": None, "text": wording.STATUSES["not_measured"]}
        return {**dict.fromkeys(keys), **absent}
    return {
        **{key: row[key] for key in keys},
        "places": wording.decimals(row["metric"]),
        "text": wording.STATUSES.get(row["status"], ""),
    }
