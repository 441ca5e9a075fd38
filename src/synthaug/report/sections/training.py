"""Training: time, assessment and losses of each training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_csv, read_json
from synthaug.report import wording
from synthaug.report.inputs import TrainingRun
from synthaug.report.plots.training import loss_curves
from synthaug.report.rows import Draw
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table, number

_STEPS = ("iteration", "epoch", "step")
#: Trainings of one kind whose losses are drawn one by one; of more, the median of each network's or training set's trainings.
_MOST_CURVES = 24


def training(data: ReportData) -> dict[str, Any]:
    """Trainings of the generators' models and of the networks of all tasks."""
    return {
        "models": _trainings(data.inputs.models, "model", data.draw),
        "segmenters": _trainings(data.inputs.segmenters, "training set", data.draw),
    }


def _trainings(runs: Sequence[TrainingRun], kind: str, draw: Draw) -> dict[str, Any]:
    """Trainings of one kind: time, assessment and losses."""
    found: list[tuple[list[Cell], dict[str, Any]]] = []
    for run in runs:
        seed = run.generator_seed if run.training_seed is None else run.training_seed
        record = read_json(run.record) if run.record and run.record.is_file() else {}
        found.append(([run.name, run.fold, seed], _facts(record)))
    assessed = [(run, facts["figures"]) for run, facts in found if facts.get("figures")]
    return {
        "reason": "" if found else "nothing was trained",
        "table": _table(f"Trainings by {kind}", kind, found, _FACTS),
        "assessments": _table(
            f"Assessment by {kind}",
            kind,
            assessed,
            {key: key.replace("_", " ") for _, figures in assessed for key in figures},
        )
        if assessed
        else None,
        "panels": _panels(runs, kind, draw),
        "medians": len(runs) > _MOST_CURVES,
    }


def _panels(runs: Sequence[TrainingRun], kind: str, draw: Draw) -> list[dict[str, str]]:
    """Losses, a panel a training; of many trainings, a panel a name with the median over its trainings."""
    together: dict[str, list[Path]] = {}
    for run in runs:
        if run.history is None or not run.history.is_file():
            continue
        seed = run.generator_seed if run.training_seed is None else run.training_seed
        label = run.name if len(runs) > _MOST_CURVES else f"{run.name}, fold {run.fold}, seed {seed}"
        together.setdefault(label, []).append(run.history)
    panels = []
    for index, (label, paths) in enumerate(together.items()):
        title = f"{label}, median of {wording.counted(len(paths), 'training')}" if len(paths) > 1 else label
        panels.append(_loss_panel(f"loss-{kind.replace(' ', '-')}-{index:04d}", title, paths, draw))
    return [panel for panel in panels if panel]


def _table(
    label: str, kind: str, found: Sequence[tuple[list[Cell], Mapping[str, Any]]], titles: Mapping[str, str]
) -> dict[str, Any]:
    """One line per training, one column per fact that any of them has."""
    shown = {key: title for key, title in titles.items() if any(key in facts for _, facts in found)}
    columns = {kind: TEXT, "fold": NUMBER, "seed": NUMBER} | dict.fromkeys(shown.values(), NUMBER)
    return make_table(label, columns, [[*run, *(_cell(key, facts) for key in shown)] for run, facts in found])


def _cell(key: str, facts: Mapping[str, Any]) -> Cell:
    value = facts.get(key)
    if value is None or isinstance(value, str):
        return value
    if key == "seconds":
        return {"seconds": value}
    return number(value, 0 if isinstance(value, int) else None)


#: Facts of a training record that the table shows, in this order; the record itself has more.
_FACTS = {
    "kind": "kind",
    "iterations": "iterations",
    "seconds": "time",
    "parameters": "parameters",
    "device": "device",
    "processes": "processes",
    "precision": "precision",
    "seen": "real subjects seen (training and validation)",
    "real_exposure": "fraction of real cases",
}


def _facts(record: Mapping[str, Any]) -> dict[str, Any]:
    facts = {key: record[key] for key in (*_FACTS, "figures") if record.get(key) is not None}
    if isinstance(facts.get("seconds"), dict):  # the record of a segmentation network has them by phase
        facts["seconds"] = facts["seconds"].get("total")
    if "seen" in facts:
        facts["seen"] = len(facts["seen"])
    return facts


def _loss_panel(name: str, title: str, paths: Sequence[Path], draw: Draw) -> dict[str, str] | None:
    history = pd.concat([read_csv(path) for path in paths])
    step = next((column for column in _STEPS if column in history), None)
    losses = [column for column in history if "loss" in str(column) and _is_drawn(history[column])]
    if step is None or not losses:
        return None
    if len(paths) > 1:
        history = history.groupby(step, as_index=False)[losses].median()
    positive = bool((history[losses].min() > 0).all())
    svg = loss_curves(history, step, [str(column) for column in losses], logarithmic=positive)
    last = ", ".join(f"{c} {wording.number(float(history[c].dropna().iloc[-1]))}" for c in losses)
    return draw(name, svg, title, f"Losses over the {step}s; last: {last}")


def _is_drawn(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and bool(np.isfinite(column.astype(float)).any())


SECTION = Section(title="Training", menu="Training", order=180, content=training)
