"""Cardiac function of synthetic subjects and of the real training patients."""

from __future__ import annotations

from typing import Any

from synthaug.measures.cardiac_function import QUANTITIES
from synthaug.report import wording
from synthaug.report.rows import by_synthetic_run, estimate, pooled, select
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, make_table, signed
from synthaug.tables import Row

_COLUMNS = {
    "quantity": TEXT,
    "unit": TEXT,
    "synthetic mean (CI)": TEXT,
    "synthetic − real (CI)": TEXT,
    "SD ratio (CI)": TEXT,
    "n": NUMBER,
}


def cardiac_function(data: ReportData) -> dict[str, Any]:
    """One table per synthetic cohort: mean, difference from real patients, and SD ratio of every quantity."""
    tables = []
    for keys, own in by_synthetic_run([row for row in pooled(data.rows) if row["metric"] in QUANTITIES]):
        lines = []
        for row in own:
            difference, spread = (
                next(iter(select(data.rows, metric=row["metric"] + suffix, **keys)), None)
                for suffix in ("_difference", "_spread")
            )
            name, unit = wording.metric_name(row["metric"]), wording.metric_unit(row["metric"])
            # The real side has patients of its own: fewer, where few are labelled.
            beside = [{**signed(estimate(difference)), "with_n": True}, {**estimate(spread), "with_n": True}]
            cells = [estimate(row), *beside]
            lines.append([name, unit, *cells, row["n"]])
        tables.append({**keys, "table": make_table("Cardiac function", _COLUMNS, lines)})
    return {"reason": "" if tables else "no synthetic cohort was measured", "tables": tables}


def _shows(row: Row) -> bool:
    return str(row["metric"]).startswith("function_")


SECTION = Section(
    title="Cardiac function: synthetic against real",
    menu="Cardiac function",
    order=150,
    content=cardiac_function,
    shows=_shows,
)
