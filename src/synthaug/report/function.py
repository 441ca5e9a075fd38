"""Section of the report about the hearts a generator makes: their function beside that of real ones."""

from __future__ import annotations

from typing import Any

from synthaug.measures.cardiac_function import QUANTITIES
from synthaug.report import wording
from synthaug.report.rows import Row, estimate, pooled, select


def function_section(rows: list[Row]) -> list[dict[str, Any]]:
    """A table a synthetic cohort: mean, difference from real patients, and spread of every quantity."""
    found = [row for row in pooled(rows) if row["metric"] in QUANTITIES]
    tables = []
    for about in dict.fromkeys((row["generator"], row["fold"], row["generator_seed"]) for row in found):
        keys = dict(zip(("generator", "fold", "generator_seed"), about, strict=True))
        lines = []
        for row in select(found, **keys):
            beside = [
                next(iter(select(rows, metric=row["metric"] + suffix, **keys)), None)
                for suffix in ("_difference", "_spread")
            ]
            lines.append(
                {
                    "name": wording.metric_name(row["metric"]),
                    "unit": wording.metric_unit(row["metric"]),
                    "mean": estimate(row),
                    "difference": estimate(beside[0]),
                    "spread": estimate(beside[1]),
                }
            )
        tables.append({**keys, "rows": lines})
    return tables
