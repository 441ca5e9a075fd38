"""Section of the report on whether a generator does as it is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.core.artifacts import read_json, read_tsv
from synthaug.data.cohort import Cohort
from synthaug.measures.controllability import ASKED, MEASURES, heeded, with_asked_ef
from synthaug.report import wording
from synthaug.report.inputs import SweepRun, SyntheticRun
from synthaug.report.plots import synthesis
from synthaug.report.rows import Draw, Row, estimate, pooled

PREFIX = "controllability_"
#: What is drawn: the right ventricle is nothing that a plan asks for.
_DRAWN = ("lv_edv_ml", "lv_esv_ml", "lv_ef", "myo_mass_g")
_BY_SEGMENTER = "the synthetic images by the segmenter that saw real patients only"
Points = dict[str, tuple[list[float], list[float]]]


def controllability_section(
    rows: list[Row], runs: Sequence[SyntheticRun], grids: Sequence[SweepRun], draw: Draw
) -> dict[str, Any]:
    """Asked against measured hearts: rows of agreement, and the scatter behind them.

    Parameters
    ----------
    rows : list of Row
        All result rows.
    runs : sequence of SyntheticRun
        Synthetic cohorts, as the arms have them.
    grids : sequence of SweepRun
        Grids past the training range.
    draw : Draw
        Writes a figure.
    """
    table = _table(row for row in pooled(rows) if row["metric"].startswith(PREFIX))
    panels, grid_panels, sources = [], [], set()
    for column in _DRAWN:
        quantity = ASKED[column]
        label = f"{quantity.name} ({quantity.unit})"
        points: Points = {}
        for run in runs:
            if _add_pairs(points, run.generator, run.cohort, run.volumes, column):
                sources.add(_BY_SEGMENTER if run.volumes is not None else "the generator's own masks")
        if points:
            svg = synthesis.asked_against_measured(points, label)
            alt = f"{label}, asked against measured, {_counted(points)}"
            panels.append(draw(f"control-{column}", svg, label, alt))
        points = {}
        for grid in grids:
            _add_pairs(points, grid.generator, grid.cohort, grid.volumes, column)
        if points:
            low, high = _common_range(grids, column)
            svg = synthesis.asked_against_measured(points, label, (low, high))
            ends = f"{wording.number(low)} to {wording.number(high)}"
            alt = f"{label} on the grid, asked against measured, {_counted(points)}; training patients {ends}"
            grid_panels.append(draw(f"control-grid-{column}", svg, f"{label}, grid", alt))
    return {
        "reason": "" if table else "no controllability among the result rows",
        "table": table,
        "panels": panels,
        "grid_panels": grid_panels,
        "measured_on": sorted(sources),
    }


def _table(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """One line for each quantity of each run and measurement: its r, bias and limits of agreement."""
    lines: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        measure, column = _parts(row["metric"])
        key = (row["generator"], row["fold"], row["generator_seed"], row["versus"], column)
        lines.setdefault(key, {})[measure] = row
    table = []
    for (generator, fold, seed, versus, column), found in lines.items():
        some = next(iter(found.values()))
        run = {"fold": fold, "generator seed": seed}
        table.append(
            {
                "quantity": ASKED[column].name if column in ASKED else column,
                "unit": ASKED[column].unit if column in ASKED else "",
                "generator": generator or "",
                "run": ", ".join(f"{name} {value}" for name, value in run.items() if value is not None),
                "versus": versus or "",
                "cells": [estimate(found.get(measure)) for measure in MEASURES],
                "unmeasured": None
                if any(row["value"] is not None for row in found.values())
                else estimate(some),
                "n": some["n"],
            }
        )
    return table


def _parts(metric: str) -> tuple[str, str]:
    """Measure and quantity: ``r`` and ``lv_edv_ml`` of ``controllability_r_lv_edv_ml``."""
    rest = metric.removeprefix(PREFIX)
    measure = next((name for name in MEASURES if rest.startswith(f"{name}_")), "")
    return measure, rest.removeprefix(f"{measure}_")


def _add_pairs(points: Points, generator: str, folder: Path, volumes: Path | None, column: str) -> bool:
    """Add a cohort's pairs of asked and measured values to its generator's; False where it has none."""
    cohort = Cohort.open(folder)
    table = with_asked_ef(cohort.table)
    if f"asked_{column}" not in table or column not in heeded(cohort.meta.get("conditions")):
        return False
    found = table if volumes is None else read_tsv(volumes, ("subject",)).set_index("subject")
    if column not in found:
        return False
    measured = found[column].reindex(table.index)
    pairs = pd.DataFrame({"asked": table[f"asked_{column}"], "measured": measured}).dropna()
    if pairs.empty:
        return False
    for known, new in zip(
        points.setdefault(generator, ([], [])), (pairs["asked"], pairs["measured"]), strict=True
    ):
        known += [float(value) for value in new]
    return True


def _common_range(grids: Sequence[SweepRun], column: str) -> tuple[float, float]:
    """What the training patients of every fold have."""
    lows, highs = zip(*(read_json(grid.ranges)[column] for grid in grids), strict=True)
    return max(lows), min(highs)


def _counted(points: Points) -> str:
    return wording.counted(sum(len(asked) for asked, _ in points.values()), "synthetic subject")
