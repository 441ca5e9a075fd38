"""Agreement of predicted with reference cardiac function, per arm and structure."""

from __future__ import annotations

from typing import Any

from synthaug.metric_registry import PREDICTED
from synthaug.report import wording
from synthaug.report.rows import estimate, pooled, select
from synthaug.report.section import NO_SEGMENTATION, ReportData, Section
from synthaug.report.table import NUMBER, TEXT, make_table, signed
from synthaug.tables import Row

_SUFFIXES = ("_mean", "_mae", "_sd", "_loa_low", "_loa_high", "_r")
_FAILURES = ("dice_poor", "dice_missed", "dice_seed_sd")
_COLUMNS = {
    "training set": TEXT,
    "structure": TEXT,
    "n": NUMBER,
    "bias (CI)": TEXT,
    "mean absolute error (CI)": TEXT,
    "SD (CI)": TEXT,
    "lower limit (CI)": TEXT,
    "upper limit (CI)": TEXT,
    "r (CI)": TEXT,
}


def clinical_agreement(data: ReportData) -> dict[str, Any]:
    """One table a quantity: bias, absolute error, SD, limits of agreement and correlation of every arm."""
    if not data.segmented.segments:
        return {"reason": NO_SEGMENTATION}
    rows, tables = data.segmented.rows, []
    for metric in PREDICTED:
        lines = []
        for first in pooled(select(rows, metric=f"{metric}_mae")):
            place = {"arm": first["arm"], "structure": first["structure"]}
            found = [
                next(iter(pooled(select(rows, metric=metric + suffix, **place))), None)
                for suffix in _SUFFIXES
            ]
            bias, *others = (estimate(row) for row in found)
            lines.append([first["arm"], first["structure"], first["n"], signed(bias), *others])
        if lines:
            name, unit = wording.metric_name(metric), wording.metric_unit(metric)
            tables.append(make_table(f"{name} ({unit})", _COLUMNS, lines))
    rates = _failures(rows)
    return {
        "reason": "" if tables or rates else "no cardiac function was predicted",
        "tables": tables,
        "failures": rates,
    }


def _failures(rows: list[Row]) -> dict[str, Any] | None:
    lines = []
    for poor in pooled(select(rows, metric=_FAILURES[0])):
        place = {"arm": poor["arm"], "structure": poor["structure"]}
        beside = [
            estimate(next(iter(pooled(select(rows, metric=metric, **place))), None))
            for metric in _FAILURES[1:]
        ]
        lines.append([poor["arm"], poor["structure"], poor["n"], estimate(poor), *beside])
    columns = {
        "training set": TEXT,
        "structure": TEXT,
        "n": NUMBER,
        "Dice below 0.7 (CI)": TEXT,
        "structure missed (CI)": TEXT,
        "SD between training seeds (CI)": TEXT,
    }
    return make_table("Failures and disagreement", columns, lines) if lines else None


def _shows(row: Row) -> bool:
    metrics = {metric + suffix for metric in PREDICTED for suffix in _SUFFIXES}
    return row["metric"] in metrics | set(_FAILURES) and not row["vendor"] and not row["role"]


SECTION = Section(
    title="Clinical agreement and failures",
    menu="Clinical agreement",
    order=35,
    content=clinical_agreement,
    shows=_shows,
)
