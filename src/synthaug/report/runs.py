"""Sections of the report about what ran: trainings, controllability, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.artifacts import read_json, read_tsv
from synthaug.cohort import Cohort
from synthaug.plots import synthesis, training
from synthaug.report import words
from synthaug.report.inputs import SyntheticRun, TrainingRun
from synthaug.report.rows import Draw, Row, estimate, pooled

_STEPS = ("iteration", "epoch", "step")
#: Quantities a condition can ask for, with their names in a cohort's table.
_ASKED = {"lv_edv_ml": "LV EDV (mL)", "lv_esv_ml": "LV ESV (mL)"}
CONTROL_PREFIX = "controllability"


def trainings_section(runs: Sequence[TrainingRun], kind: str, draw: Draw) -> dict[str, Any]:
    """Trainings of one kind: what each cost, and its losses."""
    table: list[dict[str, Any]] = []
    panels: list[dict[str, str]] = []
    for number, run in enumerate(runs):
        label = f"{run.name}, fold {run.fold}, seed {run.seed}"
        record = read_json(run.record) if run.record and run.record.is_file() else {}
        table.append({"name": run.name, "fold": run.fold, "seed": run.seed, "facts": _facts(record)})
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
    last = ", ".join(f"{c} {words.number(float(history[c].dropna().iloc[-1]))}" for c in losses)
    return draw(name, svg, title, f"Losses over the {step}s; last: {last}")


def _is_drawn(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and bool(np.isfinite(column.astype(float)).any())


def controllability_section(rows: list[Row], runs: Sequence[SyntheticRun], draw: Draw) -> dict[str, Any]:
    """Asked against measured volumes: rows of agreement, and the scatter behind them."""
    found = [row for row in pooled(rows) if row["metric"].startswith(CONTROL_PREFIX)]
    table = [
        {
            "metric": row["metric"].removeprefix(CONTROL_PREFIX).strip("_").replace("_", " "),
            "generator": row["generator"] or "",
            "run": ", ".join(
                f"{c.replace('_', ' ')} {row[c]}" for c in ("fold", "generator_seed") if row[c] is not None
            ),
            "structure": " ".join(part for part in (row["structure"], row["phase"]) if part),
            "estimate": estimate(row),
            "unit": row["unit"] if row["unit"] not in (None, "1") else "",
        }
        for row in found
    ]
    panels, sources = [], set()
    for column, label in _ASKED.items():
        points: dict[str, tuple[list[float], list[float]]] = {}
        for run in runs:
            pairs, source = _asked_and_measured(run, column)
            if len(pairs):
                asked, measured = points.setdefault(run.generator, ([], []))
                asked += [float(value) for value in pairs["asked"]]
                measured += [float(value) for value in pairs["measured"]]
                sources.add(source)
        if points:
            count = sum(len(asked) for asked, _ in points.values())
            svg = synthesis.asked_against_measured(points, label)
            alt = f"{label}, asked against measured, {words.counted(count, 'synthetic subject')}"
            panels.append(draw(f"control-{column}", svg, label, alt))
    return {
        "reason": "" if table else "no controllability among the result rows",
        "table": table,
        "panels": panels,
        "measured_on": sorted(sources),
    }


def _asked_and_measured(run: SyntheticRun, column: str) -> tuple[pd.DataFrame, str]:
    table = Cohort.open(run.cohort).table
    if f"asked_{column}" not in table:
        return pd.DataFrame(columns=["asked", "measured"]), ""
    measured, source = table[column], "the generator's own masks"
    if run.volumes is not None:
        volumes = read_tsv(run.volumes, ("subject",)).set_index("subject")
        named = next((name for name in (f"measured_{column}", column) if name in volumes), None)
        if named:
            measured = volumes[named].reindex(table.index)
            source = "the synthetic images by the segmenter that saw real patients only"
    pairs = pd.DataFrame({"asked": table[f"asked_{column}"], "measured": measured})
    return pairs.dropna(), source


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
