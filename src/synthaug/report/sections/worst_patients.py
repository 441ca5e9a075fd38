"""Worst test patients: by name, with their scores in every arm and pictures of two arms."""

from __future__ import annotations

from typing import Any

import pandas as pd

from synthaug.report import wording
from synthaug.report.section import NO_SEGMENTATION, ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table, number
from synthaug.report.worst import (
    METRICS,
    count_trainings,
    mean_dice,
    missed_structures,
    scores_of_patients,
    shown_arms,
)
from synthaug.report.worst_pictures import draw_patient, lowest, paired

#: Patients shown: enough to tell a failure that recurs from one odd patient, and few enough to look at each.
WORST = 3
_TITLES = {"dice": "Dice", "hd95": "HD95 (mm)"}


def worst_patients(data: ReportData) -> dict[str, Any]:
    """The test patients with the lowest Dice in the control arm: scores of every arm, contours of two."""
    data = data.segmentation
    if not data.segments:
        return {"reason": NO_SEGMENTATION}
    arms = shown_arms(data.rows, data.arms, data.primary_metric)
    ranked = mean_dice(data.table, arms[0]) if arms else pd.Series(dtype=float)
    if ranked.empty:
        return {"reason": "no segmentation of a patient was scored in a control or real arm"}
    names = list(ranked.index[:WORST])
    scores = scores_of_patients(data.table, names)
    return {
        "reason": "",
        "arms": list(arms),
        "tested": len(ranked),
        "rows": f"{data.inputs.tables.name}/rows.csv",
        "patients": [
            _patient(data, scores[scores["patient"] == name], name, float(ranked[name]), arms, index)
            for index, name in enumerate(names)
        ],
    }


def _patient(
    data: ReportData, scores: pd.DataFrame, name: str, dice: float, arms: tuple[str, ...], index: int
) -> dict[str, Any]:
    """Who the patient is, the scores, and the picture or why there is none."""
    about = {key: next(iter(scores[key].dropna()), None) for key in ("vendor", "diagnosis")}
    known = [subject for subject in scores["subject"].unique() if subject in data.real.folders]
    dataset = data.real.table.loc[known[0], "dataset"] if known else None
    own = scores[scores["arm"] == arms[0]]
    return {
        "patient": name,
        "dataset": None if pd.isna(dataset) else str(dataset),
        **about,
        "dice": dice,
        "trainings": count_trainings(own),
        "table": _table(data, scores, name),
        "picture": _picture(data, scores, arms, index),
    }


def _table(data: ReportData, scores: pd.DataFrame, name: str) -> dict[str, Any]:
    """Dice and HD95 per structure, missed structures and number of trainings of every arm."""
    places = [(metric, structure) for metric in METRICS for structure in wording.STRUCTURES]
    lines: list[list[Cell]] = []
    for arm in data.arms:
        own = scores[scores["arm"] == arm.name]
        if own.empty:
            continue
        # Mean over visits and trainings at each phase, then over the phases.
        phases = own.groupby(["metric", "structure", "phase"], dropna=False)["value"].mean()
        means = phases.groupby(["metric", "structure"]).mean()
        cells = [number(means.get(place), wording.decimals(place[0])) for place in places]
        lines.append([arm.name, *cells, missed_structures(own) or None, count_trainings(own)])
    columns = {"training set": TEXT}
    columns |= {f"{_TITLES[metric]}, {structure}": NUMBER for metric, structure in places}
    columns |= {"missed structures": TEXT, "trainings": NUMBER}
    return make_table(f"Scores of {name} in every arm", columns, lines)


def _picture(data: ReportData, scores: pd.DataFrame, arms: tuple[str, ...], index: int) -> dict[str, Any]:
    """Contours of the control's worst training and of the paired training of the synthetic arm."""
    runs = data.inputs.predictions
    first = lowest(scores, arms[0], runs)
    if first is None:
        return {"reason": "no prediction is kept", "tiles": []}
    subject, segmentation = first
    if subject not in data.real.folders:
        return {"reason": f"{subject} is not in the cohorts of the study", "tiles": []}
    beside = [paired(scores, arm, subject, segmentation.run, runs) for arm in arms[1:]]
    shown = [segmentation, *(found for found in beside if found)]
    drawn = draw_patient(data.real, subject, shown, f"worst-{index}", data.assets)
    reason = "" if drawn["tiles"] else f"{subject} has no reference at ED or ES"
    trainings = [
        {
            "arm": each.run.arm,
            "fold": each.run.fold,
            "generator_seed": each.run.generator_seed,
            "training_seed": each.run.training_seed,
            "dice": each.dice,
        }
        for each in shown
    ]
    return {"reason": reason, "subject": subject, "columns": len(shown) + 1, **drawn, "trainings": trainings}


SECTION = Section(title="Worst test patients", menu="Worst patients", order=37, content=worst_patients)
