"""Diagnosis classification: accuracy, AUC and Brier score of every arm, AUC of each class, confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from synthaug.config.arms import Arm
from synthaug.report import wording
from synthaug.report.plots.prediction import confusion
from synthaug.report.rows import CLASSIFICATION, estimate, select
from synthaug.report.section import ReportData, Section
from synthaug.report.table import TEXT, make_table
from synthaug.tables import VALUED_STATUSES, Row

_OVERALL = {
    "accuracy_mean": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auc": "AUC, mean over classes",
    "brier_mean": "Brier score",
}
_PLACE = {"subject": None, "vendor": None, "role": None, "structure": None, "phase": None}


def diagnosis(data: ReportData) -> dict[str, Any]:
    """Every task that classifies, with the arms in rows."""
    views = data.tasks or {"": data}
    tasks = [
        _task(name, view)
        for name, view in views.items()
        if select(view.rows, metric="accuracy_mean", **_PLACE)
    ]
    return {"reason": "" if tasks else "the study has no task of kind classification", "tasks": tasks}


def _task(name: str, view: ReportData) -> dict[str, Any]:
    shared = select(view.rows, metric=(*_OVERALL, "confusion"), **_PLACE)
    overall = select(shared, target=None, diagnosis=None)
    columns = {"training set": TEXT} | {f"{title} (CI)": TEXT for title in _OVERALL.values()}
    body = []
    for arm in view.arms:
        own = {row["metric"]: row for row in select(overall, arm=arm.name)}
        body.append([arm.name, *({**estimate(own.get(metric)), "with_n": True} for metric in _OVERALL)])
    return {
        "name": name,
        "table": make_table(f"Classification of {name or 'the test patients'}", columns, body),
        "classes": _classes(select(shared, metric="auc"), view.arms),
        "panels": _panels(select(shared, metric="confusion"), view),
    }


def _classes(rows: Sequence[Row], arms: Sequence[Arm]) -> dict[str, Any] | None:
    """AUC of each class against all others."""
    classes = list(dict.fromkeys(row["target"] for row in rows if row["target"]))
    if len(classes) < 2:
        return None
    columns = {"training set": TEXT} | {f"{name} against the rest (CI)": TEXT for name in classes}
    body = []
    for arm in arms:
        own = {row["target"]: row for row in select(rows, arm=arm.name)}
        body.append([arm.name, *({**estimate(own.get(name)), "with_n": True} for name in classes)])
    return make_table("AUC of each class", columns, body)


def _panels(rows: Sequence[Row], view: ReportData) -> list[dict[str, str]]:
    """Confusion matrices of the arms that the study declares; those of controls are in the result rows."""
    panels = []
    for arm in view.arms:
        own = [row for row in select(rows, arm=arm.name) if row["status"] in VALUED_STATUSES]
        if arm.control or not own:
            continue
        classes = list(dict.fromkeys([*(row["diagnosis"] for row in own), *(row["target"] for row in own)]))
        shares = np.full((len(classes), len(classes)), np.nan)
        counts = [0] * len(classes)
        for row in own:
            true = classes.index(row["diagnosis"])
            shares[true, classes.index(row["target"])] = row["value"]
            counts[true] = int(row["n"] or 0)
        alt = "; ".join(
            f"{row['diagnosis']} predicted as {row['target']} {wording.number(100 * row['value'], 0)} %"
            for row in own
        )
        panels.append(view.draw(f"confusion-{arm.name}", confusion(shares, classes, counts), arm.name, alt))
    return panels


def _shows(row: Row) -> bool:
    base = wording.base_metric(str(row["metric"]))
    return base in CLASSIFICATION and not row["vendor"]


SECTION = Section(
    title="Diagnosis classification", menu="Diagnosis", order=38, content=diagnosis, shows=_shows
)
