"""Generalisation gap: test patients of unseen vendors against those held out within the training vendors."""

from __future__ import annotations

from typing import Any

from synthaug.report import wording
from synthaug.report.rows import broadest, estimate, pooled, select
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, make_table, signed
from synthaug.tables import VALUED_STATUSES, Row

_COLUMNS = {
    "training set": TEXT,
    "held out within the training vendors (CI)": TEXT,
    "unseen minus seen vendors (CI)": TEXT,
    "change of the gap against real data only (CI)": TEXT,
    "n": NUMBER,
}


def generalisation(data: ReportData) -> dict[str, Any]:
    """One line an arm: mean on the training vendors, gap to unseen vendors, and whether the arm closes it."""
    metric = data.primary_metric
    gaps = broadest(pooled(select(data.rows, metric=f"{metric}_gap")))
    lines = []
    for row in gaps:
        place = {"arm": row["arm"], "structure": row["structure"], "phase": row["phase"], "vendor": None}
        within = select(data.rows, metric=f"{metric}_mean", role="test_within", **place)
        change = select(data.rows, metric=f"{metric}_gap_difference", role=None, **place)
        found = [estimate(next(iter(rows), None)) for rows in (within, change)]
        closing = signed(found[1]) if change else "–"
        lines.append([row["arm"], found[0], signed(estimate(row)), closing, row["n"]])
    measured = any(row["status"] in VALUED_STATUSES for row in gaps)
    absent = "the study does not test unseen and seen vendors beside each other"
    if gaps:  # tested beside each other, and too few of them
        absent = next((row["note"] for row in gaps if row["note"]), "no gap was measured")
    return {
        "reason": "" if measured else absent,
        "metric": wording.metric_name(metric),
        "table": make_table("Generalisation gap", _COLUMNS, lines) if measured else None,
    }


def _shows(row: Row) -> bool:
    return str(row["metric"]).endswith(("_gap", "_gap_difference")) or row["role"] == "test_within"


SECTION = Section(
    title="Generalisation: unseen against seen vendors",
    menu="Generalisation",
    order=27,
    content=generalisation,
    shows=_shows,
)
