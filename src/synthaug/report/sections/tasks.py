"""Downstream tasks beside each other, and the arms of every task but the first, which the rest of the page is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synthaug.report import wording
from synthaug.report.rows import estimate
from synthaug.report.section import ReportData, Section
from synthaug.report.sections.arms import arms
from synthaug.report.sections.doses import doses
from synthaug.report.sections.verdict import effect_sentence, judge
from synthaug.report.table import NUMBER, TEXT, Cell, badge, exploratory, make_table, signed
from synthaug.statistics import verdict

_COLUMNS = {
    "task": TEXT,
    "metric": TEXT,
    "training set": TEXT,
    "minus strongest control": TEXT,
    "difference (CI)": TEXT,
    "n": NUMBER,
    "margin": NUMBER,
    "detectable difference": NUMBER,
    "verdict": TEXT,
}


def tasks(data: ReportData) -> dict[str, Any]:
    """One line for each task and synthetic arm, then figures and tables of every further task."""
    if len(data.tasks) < 2:
        return {"reason": "the study has one downstream task"}
    lines: list[list[Cell]] = []
    further = []
    for name, view in data.tasks.items():
        judged = judge(view.rows, view.arms, view.primary_metric, view.alpha)
        lines += _lines(name, view, judged["arms"])
        if name != data.task:
            further.append(_task(name, view, judged))
    return {"reason": "", "table": make_table("Verdicts by task", _COLUMNS, lines), "further": further}


def _lines(name: str, view: ReportData, judged: Sequence[dict[str, Any]]) -> list[list[Cell]]:
    metric = view.primary_metric
    places, unit = wording.decimals(metric), wording.metric_unit(metric)

    margin = None if view.margin is None else wording.with_unit(wording.number(view.margin, places), unit)

    about: list[Cell] = [name, wording.metric_name(metric)]
    if not judged:
        absent: list[Cell] = ["real patients only", *[None] * 5, badge(verdict.NOT_MEASURED)]
        return [[*about, *absent]]
    lines = []
    for arm in judged:
        row = arm["strongest"]
        compared: list[Cell] = [None] * 3 if row is None else [row["versus"], signed(estimate(row)), row["n"]]
        word = badge(arm["word"], exploratory(arm["declared"]))
        size = None if row is None else row["detectable"]
        detectable = None if size is None else wording.detectable_size(size, metric)
        lines.append([*about, arm["arm"], *compared, margin, detectable, word])
    return lines


def _task(name: str, view: ReportData, judged: dict[str, Any]) -> dict[str, Any]:
    """A further task: its sentence, controls, arms and doses as the page shows them for the first."""
    curves = doses(view)
    return {
        "name": name,
        "kind": view.task_settings.get("kind", ""),
        "sentence": effect_sentence(judged["arms"], view.primary_metric, view.margin, 1 - view.alpha),
        "controls": judged["controls"],
        "arms": arms(view),
        "doses": None if curves["reason"] else curves,
    }


SECTION = Section(title="Downstream tasks", menu="Tasks", order=28, content=tasks)
