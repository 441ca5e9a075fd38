"""Controllability: requested against measured values of synthetic subjects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.config.phenotype_conditions import condition_of
from synthaug.core.artifacts import read_json, read_tsv
from synthaug.data.cohort import Cohort
from synthaug.measures.controllability import MEASURES, controllable, with_requested_ef
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.report import wording
from synthaug.report.inputs import SweepRun, SyntheticRun
from synthaug.report.plots import synthesis
from synthaug.report.rows import Draw, estimate, pooled
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table, with_aside
from synthaug.tables import Row

PREFIX = "controllability_"
#: Quantities plotted first; further phenotypes follow where they were requested and measured.
_DRAWN = ("lv_edv_ml", "lv_esv_ml", "lv_ef", "myo_mass_g")
_BY_SEGMENTER = "the synthetic images, by the segmentation network that was trained on real patients only"
Points = dict[str, tuple[list[float], list[float]]]


_COLUMNS = {
    "requested": TEXT,
    "generator": TEXT,
    "measured by": TEXT,
    "r (CI)": TEXT,
    "bias (CI)": TEXT,
    "lower limit of agreement (CI)": TEXT,
    "upper limit of agreement (CI)": TEXT,
    "n": NUMBER,
}


def controllability(data: ReportData) -> dict[str, Any]:
    """Agreement of requested and measured values: table and scatter plots."""
    lines = _lines(row for row in pooled(data.rows) if row["metric"].startswith(PREFIX))
    runs, sweeps = data.inputs.synthetic, data.inputs.sweeps
    panels, sources = _panels(runs, data.draw)
    return {
        "panels": panels,
        "sweep_panels": _sweep_panels(sweeps, data.draw),
        "measured_on": sorted(sources),
        "table": make_table("Controllability", _COLUMNS, lines) if lines else None,
    }


def _panels(runs: Sequence[SyntheticRun], draw: Draw) -> tuple[list[dict[str, str]], set[str]]:
    """One scatter plot per quantity over the synthetic cohorts of the arms, and the masks measured on."""
    panels, sources = [], set()
    for column in (*_DRAWN, *_further(runs)):
        points: Points = {}
        for run in runs:
            if _add_pairs(points, run.generator, run.cohort, run.volumes, column):
                sources.add(_BY_SEGMENTER if run.volumes is not None else "the generator's own masks")
        if points:
            label = wording.condition_label(column)
            svg = synthesis.requested_against_measured(points, label)
            alt = f"{label}, requested against measured, {_counted(points)}"
            panels.append(draw(f"control-{column}", svg, label, alt))
    return panels, sources


def _further(runs: Sequence[SyntheticRun]) -> list[str]:
    """Requested phenotypes of the registry besides `_DRAWN`, in its order."""
    requested = {
        str(column).removeprefix("requested_")
        for run in runs
        for column in Cohort.open(run.cohort).table.columns
        if str(column).startswith("requested_")
    }
    return [name for name in PHENOTYPES if name in requested and name not in _DRAWN]


def _sweep_panels(sweeps: Sequence[SweepRun], draw: Draw) -> list[dict[str, str]]:
    """One scatter plot per quantity over the condition sweeps, with the range of the training patients."""
    panels = []
    for column in _DRAWN:
        points: Points = {}
        for sweep in sweeps:
            _add_pairs(points, sweep.generator, sweep.cohort, sweep.volumes, column)
        if points:
            label, (low, high) = wording.condition_label(column), _common_range(sweeps, column)
            svg = synthesis.requested_against_measured(points, label, (low, high))
            ends = f"{wording.number(low)} to {wording.number(high)}"
            alt = f"{label}, requested against measured, {_counted(points)}; training patients {ends}"
            panels.append(draw(f"control-sweep-{column}", svg, f"{label}, condition sweep", alt))
    return panels


def _lines(rows: Iterable[Row]) -> list[list[Cell]]:
    """One line per quantity, run and measurement: r, bias and limits of agreement."""
    groups: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        measure, column = _parts(row["metric"])
        key = (row["generator"], row["fold"], row["generator_seed"], row["versus"], column)
        groups.setdefault(key, {})[measure] = row
    lines = []
    for (generator, fold, seed, versus, column), found in groups.items():
        run = {"fold": fold, "generator seed": seed}
        aside = ", ".join(f"{name} {value}" for name, value in run.items() if value is not None)
        name = condition_of(column).title
        n = next(iter(found.values()))["n"]
        lines.append([name, with_aside(generator or "", aside), versus or "", *_cells(found, column), n])
    return lines


def _cells(found: dict[str, Row], column: str) -> list[Cell]:
    """Estimates of all measures; bias and limits carry the unit of the quantity."""
    unit = condition_of(column).unit
    r, *others = (estimate(found.get(measure)) for measure in MEASURES)
    return [r, *({**cell, "unit": unit} for cell in others)]


def _parts(metric: str) -> tuple[str, str]:
    """Measure and quantity: ``r`` and ``lv_edv_ml`` of ``controllability_r_lv_edv_ml``."""
    rest = metric.removeprefix(PREFIX)
    measure = next((name for name in MEASURES if rest.startswith(f"{name}_")), "")
    return measure, rest.removeprefix(f"{measure}_")


def _add_pairs(points: Points, generator: str, folder: Path, volumes: Path | None, column: str) -> bool:
    """Add a cohort's pairs of requested and measured values to its generator's; False if it has none."""
    cohort = Cohort.open(folder)
    table = with_requested_ef(cohort.table)
    if f"requested_{column}" not in table or column not in controllable(cohort.meta.get("conditions")):
        return False
    found = table if volumes is None else read_tsv(volumes, ("subject",)).set_index("subject")
    if column not in found:
        return False
    measured = found[column].reindex(table.index)
    pairs = pd.DataFrame({"requested": table[f"requested_{column}"], "measured": measured}).dropna()
    if pairs.empty:
        return False
    for known, new in zip(
        points.setdefault(generator, ([], [])), (pairs["requested"], pairs["measured"]), strict=True
    ):
        known += [float(value) for value in new]
    return True


def _common_range(grids: Sequence[SweepRun], column: str) -> tuple[float, float]:
    """Range common to the training patients of every fold."""
    lows, highs = zip(*(read_json(grid.ranges)[column] for grid in grids), strict=True)
    return max(lows), min(highs)


def _counted(points: Points) -> str:
    return wording.counted(sum(len(requested) for requested, _ in points.values()), "synthetic subject")


def _shows(row: Row) -> bool:
    return str(row["metric"]).startswith(PREFIX)


SECTION = Section(
    title="Controllability: requested against measured values",
    menu="Controllability",
    order=130,
    content=controllability,
    shows=_shows,
)
