"""Mask agreement: masks of synthetic subjects against the segmentation of their images."""

from __future__ import annotations

from typing import Any

from synthaug.measures.mask_agreement import METRICS, REAL, REQUESTED
from synthaug.report.rows import by_synthetic_run, estimate, pooled, select
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table
from synthaug.tables import Row

#: Every metric that this section shows.
MASK_AGREEMENT = (*METRICS, *(metric + REAL for metric in METRICS), *REQUESTED)
_DICE, _HD95 = METRICS
_COLUMNS = {
    "structure": TEXT,
    "phase": TEXT,
    "Dice": TEXT,
    "n": NUMBER,
    "Dice, real validation": TEXT,
    "n, real validation": NUMBER,
    "HD95 (mm)": TEXT,
    "HD95, real validation (mm)": TEXT,
}
_DIAGNOSIS_COLUMNS = {
    "diagnosis": TEXT,
    "structure": TEXT,
    "Dice, ED": TEXT,
    "Dice, ES": TEXT,
    "Dice, all frames": TEXT,
    "n": NUMBER,
}
_REQUESTED_COLUMNS = {
    "structure": TEXT,
    "phase": TEXT,
    "Dice": TEXT,
    "n": NUMBER,
    "HD95 (mm)": TEXT,
}


def mask_agreement(data: ReportData) -> dict[str, Any]:
    """One table per synthetic cohort, with the same network on real validation patients as reference."""
    tables = []
    for keys, found in by_synthetic_run(pooled(select(data.rows, metric=_DICE))):
        own = pooled(select(data.rows, metric=MASK_AGREEMENT, **keys))
        dice = [estimate(row) for row in found]
        unmeasured = all(cell["value"] is None for cell in dice)
        tables.append(
            {
                **keys,
                "reason": dice[0]["note"] or dice[0]["text"] if unmeasured else "",
                "table": make_table("Mask agreement", _COLUMNS, [_line(own, row) for row in found]),
                "diagnoses": _by_diagnosis(select(data.rows, metric=_DICE, subject=None, **keys)),
                **_requested(own),
            }
        )
    return {"reason": "" if tables else "no mask agreement among the result rows", "tables": tables}


def _by_diagnosis(rows: list[Row]) -> dict[str, Any] | None:
    """Dice of each diagnosis and structure; None without such rows."""
    named = [row for row in rows if row["diagnosis"] is not None]
    if not named:
        return None
    lines = []
    for name, structure in dict.fromkeys((row["diagnosis"], row["structure"]) for row in named):
        own = select(named, diagnosis=name, structure=structure)
        cells = [_cell(own, {**own[0], "phase": phase}, _DICE) for phase in ("ED", "ES", None)]
        lines.append([name, structure, *cells, max(row["n"] or 0 for row in own)])
    return make_table("Mask agreement by diagnosis", _DIAGNOSIS_COLUMNS, lines)


def _requested(rows: list[Row]) -> dict[str, Any]:
    """Table of the masks that were requested; None where none were."""
    dice, hd95 = REQUESTED
    found = select(rows, metric=dice)
    if not found:
        return {"requested": None, "requested_note": ""}
    lines = [_requested_line(rows, row, hd95) for row in found]
    note = next((row["note"] for row in found if row["status"] == "ok" and row["note"]), "")
    return {
        "requested": make_table("Requested masks", _REQUESTED_COLUMNS, lines),
        "requested_note": note,
    }


def _requested_line(rows: list[Row], row: Row, hd95: str) -> list[Cell]:
    cell = estimate(row)
    return [row["structure"], row["phase"] or "all frames", cell, cell["n"], _cell(rows, row, hd95)]


def _line(rows: list[Row], row: Row) -> list[Cell]:
    synthetic, real = (_cell(rows, row, metric) for metric in (_DICE, _DICE + REAL))
    distances = (_cell(rows, row, metric) for metric in (_HD95, _HD95 + REAL))
    counts = [cell and cell["n"] for cell in (synthetic, real)]
    phase = row["phase"] or "all frames"
    return [row["structure"], phase, synthetic, counts[0], real, counts[1], *distances]


def _cell(rows: list[Row], beside: Row, metric: str) -> dict[str, Any] | None:
    """The row of a metric at the same place; None where a mean over all frames has none by definition."""
    place = {"structure": beside["structure"], "phase": beside["phase"]}
    row = next(iter(select(rows, metric=metric, **place)), None)
    return estimate(row) if row or beside["phase"] else None


def _shows(row: Row) -> bool:
    """Over all vendors; by diagnosis Dice alone."""
    return row["metric"] in (MASK_AGREEMENT if not row["diagnosis"] else (_DICE,)) and not row["vendor"]


SECTION = Section(
    title="Mask agreement: synthetic masks against segmentation of the images",
    menu="Masks",
    order=140,
    content=mask_agreement,
    shows=_shows,
)
