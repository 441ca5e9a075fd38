"""Summary of a study in two tables: arms in columns, generators in columns.

Nothing is calculated here: cells are rows, arranged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from synthaug.report import wording
from synthaug.report.rows import CLINICAL, DISTANCES, OVERLAP, estimate, pooled, records, select
from synthaug.tables import VALUED_STATUSES, Row

_RUN = ("versus", "extractor", "fold", "generator_seed")
_PLACE = ("structure", "phase", "target", "fold")
_ARROWS = {"higher": "↑", "lower": "↓"}


@dataclass(frozen=True)
class Cell:
    """One value of a summary.

    Attributes
    ----------
    estimate : dict
        Value, interval, n, floor and status (`synthaug.report.rows.estimate`).
    best : bool
        Whether no other value of the line is better, as far as the shown decimals tell.
    """

    estimate: dict[str, Any]
    best: bool = False


@dataclass(frozen=True)
class Line:
    """One line of a summary: a metric at one place, a cell for each column."""

    metric: str
    direction: str
    place: str
    cells: list[Cell]

    @property
    def label(self) -> str:
        """The metric with its unit and an arrow to its better side."""
        unit = wording.metric_unit(self.metric)
        arrow = _ARROWS.get(self.direction, "")
        return " ".join(
            part for part in (wording.metric_name(self.metric), f"({unit})" if unit else "", arrow) if part
        )


@dataclass(frozen=True)
class Summary:
    """A table: its title, its columns and its lines."""

    name: str
    title: str
    columns: list[str]
    lines: list[Line]


def summarise(table: pd.DataFrame) -> list[Summary]:
    """Arrange result rows as compact tables.

    Parameters
    ----------
    table : DataFrame
        All result rows of a study.

    Returns
    -------
    list of Summary
        ``arms`` (means over patients: arms in columns, metrics by structure and phase in lines; of several tasks one table each) and
        ``generators`` (distances: generators in columns); those without any row are left out.
    """
    return arrange(records(table[table["subject"].isna()]))


def arrange(rows: Sequence[Row]) -> list[Summary]:
    """The tables of `summarise`, from rows over several patients."""
    rows = pooled(rows)
    return [summary for summary in (*_arms(rows), _generators(rows)) if summary.lines]


#: What stands in the lines of training sets: by name the metric of the rows.
_MEANS = {name: f"{name}_mean" for name in (*OVERLAP, *CLINICAL)} | {
    name: name
    for name in ("accuracy_mean", "balanced_accuracy", "auc", "brier_mean", "r2", "absolute_error_sd_mean")
}


def _arms(rows: list[Row]) -> list[Summary]:
    """One table a task, so that no line mixes two."""
    means = select(rows, metric=tuple(_MEANS.values()), versus=None)
    tasks = list(dict.fromkeys(row["task"] for row in means))
    return [_of_task(select(means, task=task), task if len(tasks) > 1 else None) for task in tasks]


def _of_task(means: list[Row], task: str | None) -> Summary:
    arms = list(dict.fromkeys(row["arm"] for row in means if row["arm"]))
    lines = []
    for metric, of_rows in _MEANS.items():
        own = _over_targets(select(means, metric=of_rows))
        for spot in dict.fromkeys(tuple(row[column] for column in _PLACE) for row in own):
            where = dict(zip(_PLACE, spot, strict=True))
            here, place = select(own, **where), wording.place(where)
            lines.append(_line(metric, place, [_first(here, arm=arm) for arm in arms]))
    name, about = ("arms", "") if task is None else (f"arms of {task}", f", task {task}")
    return Summary(name, f"Means over real test patients, by training set{about}", arms, lines)


def _over_targets(means: list[Row]) -> list[Row]:
    """Rows about all targets; the mean of the only target has none of these beside it."""
    return select(means, target=None) or [row for row in means if row["metric"].endswith("_mean")]


def _generators(rows: list[Row]) -> Summary:
    found = select(rows, metric=DISTANCES)
    generators = list(dict.fromkeys(row["generator"] for row in found if row["generator"]))
    # Facts that all rows share are not repeated in every line.
    varying = [column for column in _RUN if len({row[column] for row in found}) > 1]
    lines = []
    for metric in DISTANCES:
        own = select(found, metric=metric)
        for run in dict.fromkeys(tuple(row[column] for column in varying) for row in own):
            about = dict(zip(varying, run, strict=True))
            here = select(own, **about)
            lines.append(_line(metric, _place(about), [_first(here, generator=name) for name in generators]))
    return Summary("generators", "Distance to real patients, by generator", generators, lines)


def _place(about: dict[str, Any]) -> str:
    shown = []
    for column, value in about.items():
        if value is None:
            continue
        text = str(value).replace("_", " ")
        prefix = {"versus": "against ", "extractor": ""}.get(column, f"{column.replace('_', ' ')} ")
        shown.append(prefix + text)
    return ", ".join(shown)


def _first(rows: Sequence[Row], **wanted: Any) -> Row | None:
    return next(iter(select(rows, **wanted)), None)


def _line(metric: str, place: str, rows: list[Row | None]) -> Line:
    direction = next((row["direction"] for row in rows if row and row["direction"]), "none")
    sign = {"higher": 1, "lower": -1}.get(direction)
    places = wording.decimals(metric)
    known = {
        number: sign * (row["value"] if places is None else round(row["value"], places))
        for number, row in enumerate(rows)
        if sign and row and row["status"] in VALUED_STATUSES
    }
    # A single value, or equal values, are not marked.
    best = max(known.values()) if len(set(known.values())) > 1 else None
    return Line(
        metric,
        direction,
        place,
        [
            Cell(estimate(row), best is not None and known.get(number) == best)
            for number, row in enumerate(rows)
        ],
    )
