"""Baseline: the arm of real patients by vendor and diagnosis, and its worst test patients."""

from __future__ import annotations

from typing import Any

import pandas as pd

from synthaug.metric_registry import in_group, split_name
from synthaug.report import wording
from synthaug.report.baseline import ABSOLUTE, Baseline, mean_of
from synthaug.report.section import NO_SEGMENTATION, ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table, number
from synthaug.tables import Row

_WORST = 8  # patients shown
_GRID = in_group("grid")
_SHOWN = {
    "dice": "Dice",
    "dice_ceiling": "Dice, at most on this grid",
    "hd95": "HD95 (mm)",
    "ef_error": "EF bias, LV (percentage points)",
    ABSOLUTE: "EF mean absolute error, LV (percentage points)",
}
_OF_PATIENT = {**_SHOWN, "ef_error": "EF error, LV (percentage points)"}
_OF_PATIENT.pop(ABSOLUTE)


def baseline(data: ReportData) -> dict[str, Any]:
    """Means by vendor and by diagnosis, the patients with the lowest Dice, and the scores on the study's grid."""
    if not data.segmented.segments:
        return {"reason": NO_SEGMENTATION}
    found = data.segmented.baseline
    if found is None or found.patients.empty:
        return {"reason": "no segmentation of a patient was scored in an arm of real patients only"}
    return {
        "reason": "",
        "arm": found.arm,
        "groups": _groups(found),
        "worst": _worst(found.patients),
        "on_grid": _on_grid(found),
    }


def _groups(found: Baseline) -> dict[str, Any]:
    """One line for all patients of the verdict, for each vendor tested and for each diagnosis among the former."""
    lines = [_line("all", "all", found.headline)]
    for column, patients in (("vendor", found.patients), ("diagnosis", found.headline)):
        names = patients[column].fillna("unknown")
        lines += [_line(column, str(name), members) for name, members in patients.groupby(names)]
    columns = {"by": TEXT, "group": TEXT, "n": NUMBER} | dict.fromkeys(_SHOWN.values(), NUMBER)
    return make_table("Scores of the real arm by vendor and diagnosis", columns, lines)


def _line(by: str, group: str, members: pd.DataFrame) -> list[Cell]:
    means = [(metric, mean_of(members[metric])) for metric in _SHOWN]
    return [by, group, len(members), *(_cell(metric, mean.value if mean else None) for metric, mean in means)]


def _worst(patients: pd.DataFrame) -> dict[str, Any] | None:
    """Patients with the lowest Dice, mean over trainings."""
    ordered = patients.dropna(subset=["dice"]).sort_values("dice", kind="stable").head(_WORST)
    if ordered.empty:
        return None
    lines: list[list[Cell]] = [
        [
            str(subject),
            _text(patient["vendor"]),
            _text(patient["diagnosis"]),
            *(_cell(metric, patient[metric]) for metric in _OF_PATIENT),
            int(patient["trainings"]),
        ]
        for subject, patient in ordered.iterrows()
    ]
    columns = {"patient": TEXT, "vendor": TEXT, "diagnosis": TEXT}
    columns |= dict.fromkeys(_OF_PATIENT.values(), NUMBER) | {"trainings": NUMBER}
    return make_table("Test patients with the lowest Dice in the real arm", columns, lines)


def _on_grid(found: Baseline) -> str:
    """Dice and HD95 on the study's grid in one line; empty if they were not measured."""
    dice, distance = found.mean("dice_grid"), found.mean("hd95_grid")
    said = []
    if dice is not None:
        said.append(f"Dice {wording.number(dice.value, 3)}")
    if distance is not None:
        said.append(f"HD95 {wording.number(distance.value, 1)} mm")
    if not said:
        return ""
    known = dice or distance
    return f"{', '.join(said)} (n = {known.n if known else 0})"


def _cell(metric: str, value: Any) -> Cell:
    places = wording.decimals("ef_error" if metric == ABSOLUTE else metric)
    return number(None if pd.isna(value) else float(value), places)


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)


def _shows(row: Row) -> bool:
    """Means on the study's grid."""
    base, suffix = split_name(str(row["metric"]))
    return base in _GRID and suffix == "_mean"


SECTION = Section(
    title="Baseline: training on real patients only",
    menu="Baseline",
    order=25,
    content=baseline,
    shows=_shows,
)
