"""Sections of the report about what ran: trainings, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_json
from synthaug.report import wording
from synthaug.report.inputs import TrainingRun
from synthaug.report.plots import training
from synthaug.report.rows import Draw

_STEPS = ("iteration", "epoch", "step")


def trainings_section(runs: Sequence[TrainingRun], kind: str, draw: Draw) -> dict[str, Any]:
    """Trainings of one kind: what each cost, and its losses."""
    table: list[dict[str, Any]] = []
    panels: list[dict[str, str]] = []
    for number, run in enumerate(runs):
        seed = run.generator_seed if run.training_seed is None else run.training_seed
        label = f"{run.name}, fold {run.fold}, seed {seed}"
        record = read_json(run.record) if run.record and run.record.is_file() else {}
        table.append({"name": run.name, "fold": run.fold, "seed": seed, "facts": _facts(record)})
        if run.history is not None and run.history.is_file():
            panel = _loss_panel(f"loss-{kind}-{number:04d}", label, run.history, draw)
            panels += [panel] if panel else []
    shown = [key for key in _FACTS if any(key in row["facts"] for row in table)]
    return {
        "reason": "" if table else "nothing was trained",
        "table": table,
        "facts": shown,
        "panels": panels,
    }


#: Facts of a training record that the table shows, in this order; the record itself has more.
_FACTS = (
    "kind",
    "iterations",
    "seconds",
    "parameters",
    "device",
    "processes",
    "precision",
    "seen",
    "real_exposure",
    "figures",
)


def _facts(record: Mapping[str, Any]) -> dict[str, Any]:
    facts = {key: record[key] for key in _FACTS if record.get(key) is not None}
    if isinstance(facts.get("seconds"), dict):  # the segmenter's record has them by phase
        facts["seconds"] = facts["seconds"].get("total")
    if "seen" in facts:
        facts["seen"] = len(facts["seen"])
    return facts


def _loss_panel(name: str, title: str, path: Path, draw: Draw) -> dict[str, str] | None:
    history = pd.read_csv(path)
    step = next((column for column in _STEPS if column in history), None)
    losses = [column for column in history if "loss" in str(column) and _is_drawn(history[column])]
    if step is None or not losses:
        return None
    positive = bool((history[losses].min() > 0).all())
    svg = training.loss_curves(history, step, [str(column) for column in losses], logarithmic=positive)
    last = ", ".join(f"{c} {wording.number(float(history[c].dropna().iloc[-1]))}" for c in losses)
    return draw(name, svg, title, f"Losses over the {step}s; last: {last}")


def _is_drawn(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and bool(np.isfinite(column.astype(float)).any())


def provenance_section(tables: Path, study: Mapping[str, Any], n_rows: int) -> dict[str, Any]:
    """Where the numbers come from: the run's record, the table version and its checksums."""
    from synthaug.tables.collate import read_checksums

    record = read_json(tables / "provenance.json") if (tables / "provenance.json").is_file() else {}
    return {
        "record": record,
        "version": tables.name,
        "rows": n_rows,
        "checksums": read_checksums(tables),
        "configuration": dict(study),
    }
