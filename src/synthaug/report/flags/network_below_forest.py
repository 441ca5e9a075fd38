"""Diagnosis networks that a random forest on measured phenotypes beats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthaug.report import wording
from synthaug.report.flag import MODERATE, Flag, FlagKind, NotInStudyError, NotMeasuredError
from synthaug.report.rows import pooled, select
from synthaug.report.section import ReportData
from synthaug.report.thresholds import THRESHOLDS
from synthaug.tables import VALUED_STATUSES, Row

_LIMIT = THRESHOLDS["network_below_forest"].value
_METRICS = {"balanced_accuracy": "balanced accuracy", "auc": "AUC"}
_FOREST = "random_forest"


def check(data: ReportData) -> Flag | None:
    """The network that falls farthest below a forest of the same classes; each on the most real patients alone."""
    tasks = {
        name: settings
        for name, settings in data.inputs.study.get("tasks", {}).items()
        if settings.get("kind") == "classification"
    }
    forests = {name: settings for name, settings in tasks.items() if settings.get("method") == _FOREST}
    pairs = [
        (name, forest)
        for name, settings in tasks.items()
        for forest, other in forests.items()
        if name not in forests and _classes(settings) == _classes(other)
    ]
    if not pairs:
        raise NotInStudyError("the study has no network and random forest for the same classes")
    found = [
        (network["value"] - bar["value"], name, forest, metric, network, bar)
        for name, forest in pairs
        for metric in _METRICS
        if (network := _of_real(data, name, metric)) and (bar := _of_real(data, forest, metric))
    ]
    if not found:
        raise NotMeasuredError(
            "no balanced accuracy or AUC of a network and a random forest for the same classes"
        )
    below = sorted((entry for entry in found if -entry[0] > _LIMIT), key=lambda entry: entry[0])
    if not below:
        return None
    difference, name, forest, metric, network, bar = below[0]
    others = [other for other in dict.fromkeys(entry[1] for entry in below) if other != name]
    more = f" Also below: {', '.join(others)}." if others else ""
    sentence = (
        f"On real patients, {_METRICS[metric]} of task {name} is {_value(network)}, that of the random forest {forest} "
        f"{_value(bar)}.{more}"
    )
    return Flag(MODERATE, sentence, 1 - difference)


def _classes(settings: Mapping[str, Any]) -> Mapping[str, list[str]]:
    return {name: list(codes) for name, codes in (settings.get("classes") or {}).items()}


def _of_real(data: ReportData, task: str, metric: str) -> Row | None:
    """Row of a task's arm with the most real patients and nothing else."""
    real = [arm for arm in data.inputs.arms if arm.generator is None and arm.control is None]
    view = data.tasks.get(task, data)
    if not real:
        return None
    arm = max(real, key=lambda one: one.real).name
    rows = pooled(select(view.rows, metric=metric, task=task, arm=arm, target=None, status=VALUED_STATUSES))
    return next(iter(rows), None)


def _value(row: Row) -> str:
    interval = ""
    if row["ci_low"] is not None and row["ci_high"] is not None:
        interval = f"{wording.number(row['ci_low'], 2)} to {wording.number(row['ci_high'], 2)}, "
    return f"{wording.number(row['value'], 2)} ({interval}n = {int(row['n'])} patients)"


KIND = FlagKind(
    title="Diagnosis network below the random forest",
    remedy="Train the network longer or pre-train it on more cines. Until it reaches the forest, a gain by synthetic cines is a "
    "gain of a network that measured phenotypes beat.",
    section="diagnosis",
    check=check,
)
