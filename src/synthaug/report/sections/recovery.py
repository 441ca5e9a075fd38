"""Recovery of what was requested: diagnoses and EF categories that models of real patients find in synthetic cines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from synthaug.measures.recovery import BALANCED, CHANCE, EF_CATEGORY, FOREST, NETWORK, REAL, RECOVERED_AS
from synthaug.metric_registry import in_group
from synthaug.report import wording
from synthaug.report.plots.prediction import confusion
from synthaug.report.rows import by_synthetic_run, estimate, pooled, run_label, select, varying
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table, with_aside
from synthaug.tables import VALUED_STATUSES, Row

RECOVERY = in_group("recovery")
#: What is recovered, and by what, by metric.
_SOURCES = {
    NETWORK: ("diagnosis", "network, images"),
    FOREST: ("diagnosis", "random forest, measured phenotypes"),
    EF_CATEGORY: ("EF category", "segmenter, measured volumes"),
}
_COLUMNS = {
    "requested": TEXT,
    "generator": TEXT,
    "recovered by": TEXT,
    "accuracy (CI)": TEXT,
    "chance": TEXT,
    "real test patients (CI)": TEXT,
    "balanced accuracy (CI)": TEXT,
    "chance, balanced": TEXT,
    "real test patients, balanced (CI)": TEXT,
    "n": NUMBER,
    "n, real": NUMBER,
}


def recovery(data: ReportData) -> dict[str, Any]:
    """Accuracy beside chance and real test patients, recall of each class, confusion of the diagnoses."""
    rows = select(data.rows, metric=RECOVERY, subject=None, vendor=None, role=None)
    overall = select(pooled(rows), target=None)
    columns = varying(overall, ("fold", "generator_seed"))
    lines: list[list[Cell]] = []
    without: dict[str, str] = {}
    for metric, (what, by) in _SOURCES.items():
        for keys, found in by_synthetic_run(select(overall, metric=metric)):
            own = select(overall, **keys)
            if _without_task(found[0], own):
                without[f"{what}, {by}"] = found[0]["note"] or ""
            else:
                lines.append(_line(metric, found[0], own, columns))
    measured = any(row["status"] in VALUED_STATUSES for row in overall)
    reasons = list(dict.fromkeys(row["note"] for row in overall if row["note"]))
    absent = "; ".join(reasons) or "no recovery among the result rows"
    return {
        "reason": "" if measured else absent,
        "table": make_table("Recovery of what was requested", _COLUMNS, lines),
        "without": [{"name": name, "reason": why} for name, why in without.items()],
        "recall": _recall(rows, columns),
        "panels": [
            *_panels(NETWORK, rows, data),
            *_panels(FOREST, rows, data),
            *_panels(EF_CATEGORY, rows, data),
        ],
    }


def _without_task(row: Row, own: list[Row]) -> bool:
    """Whether the study has nothing that could recover it: then real patients have no value either."""
    real = select(own, metric=row["metric"] + REAL)
    return row["status"] not in VALUED_STATUSES and not any(one["status"] in VALUED_STATUSES for one in real)


def _line(metric: str, row: Row, own: list[Row], columns: Sequence[str]) -> list[Cell]:
    what, by = _SOURCES[metric]

    def cell(name: str) -> dict[str, Any]:
        return estimate(next(iter(select(own, metric=name)), None))

    real = cell(metric + REAL)
    cells = [cell(name + ending) for name in (metric, metric + BALANCED) for ending in ("", CHANCE, REAL)]
    generator = with_aside(row["generator"] or "", run_label(row, columns))
    return [what, generator, by, *cells, row["n"], real["n"]]


def _recall(rows: list[Row], columns: Sequence[str]) -> dict[str, Any] | None:
    """Recall of each requested class beside that of real test patients; None without any."""
    body: list[list[Cell]] = []
    for metric, (what, by) in _SOURCES.items():
        place = "target" if metric == EF_CATEGORY else "diagnosis"
        own = [row for row in select(rows, metric=metric) if row[place]]
        for row in own:
            keys = {key: row[key] for key in ("generator", "fold", "generator_seed", place)}
            real = next(iter(select(rows, metric=metric + REAL, **keys)), None)
            generator = with_aside(row["generator"] or "", run_label(row, columns))
            requested = f"{what} {row[place]}"
            of_real = [estimate(real), real["n"] if real else None]
            body.append([requested, generator, by, estimate(row), row["n"], *of_real])
    if not body:
        return None
    headings = {"requested": TEXT, "generator": TEXT, "recovered by": TEXT, "recall (CI)": TEXT, "n": NUMBER}
    headings |= {"real test patients (CI)": TEXT, "n, real": NUMBER}
    return make_table("Recall of each requested class", headings, body)


def _panels(metric: str, rows: list[Row], data: ReportData) -> list[dict[str, str]]:
    """One confusion matrix a generator, its folds and seeds together."""
    found = [row for row in select(rows, metric=RECOVERED_AS[metric]) if row["status"] in VALUED_STATUSES]
    panels = []
    for generator in dict.fromkeys(row["generator"] for row in found):
        own = select(found, generator=generator)
        classes = list(dict.fromkeys([*(row["target"] for row in own), *(row["diagnosis"] for row in own)]))
        counts, hits = np.zeros(len(classes)), np.zeros((len(classes), len(classes)))
        for row in own:
            asked, seen = classes.index(row["diagnosis"]), classes.index(row["target"])
            hits[asked, seen] += row["value"] * row["n"]
        for row in select(own, target=own[0]["target"]):  # one row of each class and training says its number
            counts[classes.index(row["diagnosis"])] += row["n"]
        with np.errstate(invalid="ignore"):
            shares = np.where(counts[:, None] > 0, hits / counts[:, None], np.nan)
        alt = "; ".join(
            f"{asked} recovered as {seen} {wording.number(100 * shares[row, column], 0)} %"
            for row, asked in enumerate(classes)
            for column, seen in enumerate(classes)
            if counts[row]
        )
        svg = confusion(shares, classes, [int(n) for n in counts], ("recovered", "requested (subjects)"))
        title = f"{generator}: {', by '.join(_SOURCES[metric])}"
        panels.append(data.draw(f"{RECOVERED_AS[metric]}-{generator}", svg, title, alt))
    return panels


def _shows(row: Row) -> bool:
    return row["metric"] in RECOVERY


SECTION = Section(
    title="Recovery of what was requested", menu="Recovery", order=132, content=recovery, shows=_shows
)
