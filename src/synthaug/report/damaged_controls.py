"""Section of the report on generators beside damaged real cines: which are nearer to the real ones?"""

from __future__ import annotations

from typing import Any

from synthaug.measures.metric_sensitivity.corrupted_reference import CONTROLLED
from synthaug.report import wording
from synthaug.report.rows import Row, estimate, pooled, select

DAMAGED_CONTROLS = tuple(f"{metric}_control" for metric in CONTROLLED)
_RUN = ("extractor", "fold", "generator_seed")


def damaged_controls_section(rows: list[Row]) -> list[dict[str, Any]]:
    """A line for each distance, generator and damage: nearer, farther or neither, and by how much."""
    found = pooled(select(rows, metric=DAMAGED_CONTROLS))
    varying = [column for column in _RUN if len({row[column] for row in found}) > 1]
    return [
        {
            "metric": wording.metric_name(wording.base_metric(row["metric"])),
            "generator": row["generator"] or "",
            "run": ", ".join(f"{c.replace('_', ' ')} {row[c]}" for c in varying if row[c] is not None),
            "control": row["versus"] or "",
            "word": _word(row),
            "estimate": estimate(row),
            **_times_the_floor(row),
        }
        for row in found
    ]


def _word(row: Row) -> str:
    """What the interval of a quotient allows to say; empty where nothing was measured."""
    if row["value"] is None:
        return ""
    if row["ci_high"] < 1:
        return "nearer"
    return "farther" if row["ci_low"] > 1 else "not told apart"


def _times_the_floor(row: Row) -> dict[str, float | None]:
    """Both distances as multiples of real against real, which the row has as multiples of the control's."""
    if row["value"] is None or not row["floor"] > 0:
        return {"own": None, "theirs": None}
    return {"own": row["value"] / row["floor"], "theirs": 1 / row["floor"]}
