"""Networks of the tasks that were still improving when their training ended, or never did."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_csv
from synthaug.report import wording
from synthaug.report.flag import MODERATE, Flag, FlagKind, NotMeasuredError
from synthaug.report.section import ReportData
from synthaug.report.thresholds import THRESHOLDS

_LIMIT = THRESHOLDS["training_length"].value
_LOSSES = ("validation_loss", "train_loss", "loss")
_PARTS = 5


def check(data: ReportData) -> Flag | None:
    """Tasks whose median over trainings of the late fall is above the limit, the largest first; and losses that never fell."""
    falls: dict[str | None, list[float]] = {}
    never: Counter[str | None] = Counter()
    for run in data.inputs.segmenters:
        if run.history and run.history.is_file():
            fall = late_fall(read_csv(run.history))
            if fall is not None:
                falls.setdefault(run.task, []).append(fall)
                never[run.task] += fall == math.inf
    if not falls:
        raise NotMeasuredError(f"no network of a task has a loss curve of {2 * _PARTS} values or more")
    said, severity = [], 0.0
    middles = {task: float(np.median(own)) for task, own in falls.items()}
    worst = sorted(
        (task for task in middles if _LIMIT < middles[task] < math.inf), key=lambda task: -middles[task]
    )
    if worst:
        parts = (
            f"{_of(task)}{wording.number(100 * middles[task], 0)} % "
            f"(median, n = {wording.counted(len(falls[task]), 'training')})"
            for task in worst
        )
        said.append(
            f"Part of the total fall of the loss that lies in the last fifth of the iterations: {'; '.join(parts)}."
        )
        severity = middles[worst[0]] / _LIMIT
    if any(never.values()):
        parts = (
            f"{_of(task)}{count} of {wording.counted(len(falls[task]), 'training')}"
            for task, count in never.items()
            if count
        )
        said.append(f"The loss did not fall at all: {'; '.join(parts)}.")
        severity = max(severity, 1 / _LIMIT)
    return Flag(MODERATE, " ".join(said), severity) if said else None


def _of(task: str | None) -> str:
    return f"task {task}: " if task else ""


def late_fall(history: pd.DataFrame) -> float | None:
    """Fall of the mean loss from the fourth to the last fifth, relative to the fall from the first to the last.

    The validation loss where it is recorded. None for fewer than ten values; infinite for a loss that never fell.
    """
    column = next((name for name in _LOSSES if name in history), None)
    values = history[column].dropna().to_numpy(float) if column else np.empty(0)
    if len(values) < 2 * _PARTS:
        return None
    means = [part.mean() for part in np.array_split(values, _PARTS)]
    total = means[0] - means[-1]
    return float((means[-2] - means[-1]) / total) if total > 0 else math.inf


KIND = FlagKind(
    title="Loss of a task's networks still falling, or never",
    remedy="Increase tasks.<name>.iterations. Arms of networks that have not converged differ in speed of training, not "
    "only in their data.",
    section="training",
    check=check,
)
