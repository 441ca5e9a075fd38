"""Section of the report on masks and images: does a segmenter find in the images what the masks say?"""

from __future__ import annotations

from typing import Any

from synthaug.measures.mask_agreement import METRICS, REAL
from synthaug.report.rows import Row, estimate, pooled, select

#: Every metric that this section shows.
MASK_AGREEMENT = (*METRICS, *(metric + REAL for metric in METRICS))


def mask_agreement_section(rows: list[Row]) -> list[dict[str, Any]]:
    """A table a synthetic cohort: each structure and phase, beside what the segmenter reaches on real patients."""
    found = pooled(select(rows, metric=METRICS[0]))
    tables = []
    for about in dict.fromkeys((row["generator"], row["fold"], row["generator_seed"]) for row in found):
        keys = dict(zip(("generator", "fold", "generator_seed"), about, strict=True))
        own = pooled(select(rows, metric=MASK_AGREEMENT, **keys))
        lines = [
            {
                "structure": row["structure"],
                "phase": row["phase"] or "all frames",
                **{metric: _cell(own, row, metric) for metric in MASK_AGREEMENT},
            }
            for row in select(found, **keys)
        ]
        dice = [line[METRICS[0]] for line in lines]
        reason = dice[0]["note"] if all(cell["value"] is None for cell in dice) else ""
        tables.append({**keys, "reason": reason, "rows": lines})
    return tables


def _cell(rows: list[Row], beside: Row, metric: str) -> dict[str, Any] | None:
    """The row of a metric at the same place; None where a mean over all frames has none by definition."""
    place = {"structure": beside["structure"], "phase": beside["phase"]}
    row = next(iter(select(rows, metric=metric, **place)), None)
    return estimate(row) if row or beside["phase"] else None
