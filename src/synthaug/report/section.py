"""Sections of the report: declaration and data."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.config.arms import Arm
from synthaug.config.report import ReportSettings
from synthaug.data.cohort import Cohort
from synthaug.metric_registry import METRICS
from synthaug.report.baseline import Baseline, measure_baseline, real_arm_of
from synthaug.report.files import section_modules
from synthaug.report.inputs import ReportInputs
from synthaug.report.rows import Draw
from synthaug.tables import Row

#: Columns of `ReportData.table`.
TABLE_COLUMNS = (
    *(
        "metric",
        "value",
        "status",
        "note",
        "task",
        "arm",
        "generator",
        "fold",
        "training_seed",
        "generator_seed",
    ),
    *("subject", "patient", "role", "phase", "target", "structure", "vendor", "diagnosis"),
)


#: Why a study of other tasks lacks what is said of segmentations; see `beyond_the_study`.
NO_SEGMENTATION = "the study has no segmentation task"


@dataclass(frozen=True)
class ReportData:
    """Data that a section can show.

    Attributes
    ----------
    inputs : ReportInputs
        Files of the study.
    settings : ReportSettings
        How many examples are drawn.
    table : DataFrame
        All result rows but those of other tasks, columns `TABLE_COLUMNS`, texts as categories. Rows of single patients are
        read from here only: a study may have millions. Select first; `synthaug.tables.compact.with_texts` turns a part
        into texts.
    rows : list of Row
        Rows about several patients but those of other tasks, as mappings.
    real : Cohort
        All real subjects.
    alpha : float
        Level of the tests; intervals cover ``1 - alpha``.
    draw : callable
        Writes a figure (name, SVG, title, description) and returns what `panels` of the templates takes.
    assets : Path
        Folder for pictures.
    is_shown : callable
        Whether any section shows a row.
    tasks : mapping of str to ReportData
        The same for each downstream task of the study: that which the page is about, and the others.
    task : str or None
        The task whose rows `table` and `rows` have; None where the study names none.
    """

    inputs: ReportInputs
    settings: ReportSettings
    table: pd.DataFrame
    rows: list[Row]
    real: Cohort
    alpha: float
    draw: Draw
    assets: Path
    is_shown: Callable[[Row], bool]
    tasks: Mapping[str, ReportData] = field(default_factory=dict)
    task: str | None = None

    @cached_property
    def baseline(self) -> Baseline | None:
        """Scores of the arm of real patients; None if the study has no such arm."""
        return measure_baseline(self.table, self.inputs.arms)

    @property
    def segmentation(self) -> ReportData:
        """The view of the first segmentation, whose predictions are kept; this one where the study has none."""
        return next((view for view in self.tasks.values() or [self] if view.segments), self)

    @property
    def segmented(self) -> ReportData:
        """This view where its task segments, else `segmentation`: what is said of scores that only segmentations have."""
        return self if self.segments else self.segmentation

    @property
    def segments(self) -> bool:
        """Whether the task is a segmentation."""
        return str(self.task_settings.get("kind", "segmentation")) == "segmentation"

    @property
    def tables(self) -> list[pd.DataFrame]:
        """All result rows, each in one table: those of this view, then those of every other task."""
        others = [view.table for name, view in self.tasks.items() if name != self.task]
        # Rows without a task are in every view; the first counts them.
        return [self.table, *(table[table["task"].notna().to_numpy(bool)] for table in others)]

    @property
    def real_arm(self) -> Arm | None:
        """The arm of real patients only, of most of them; None if the study has none."""
        return real_arm_of(self.arms)

    @property
    def task_settings(self) -> Mapping[str, Any]:
        """The entry of the task in the study."""
        found: Mapping[str, Any] = self.inputs.study.get("tasks", {}).get(self.task, {})
        return found

    @property
    def primary_metric(self) -> str:
        """Metric of the task's verdict."""
        return str(self.task_settings.get("primary_metric", "dice"))

    @property
    def arms(self) -> list[Arm]:
        """Arms that the task is trained on, controls included."""
        real_only = self.task_settings.get("arms") == "real"
        return [arm for arm in self.inputs.arms if not (real_only and arm.generator)]

    @property
    def margin(self) -> float | None:
        """Equivalence margin of the primary metric, in its unit; None if the study declares none."""
        metric = self.primary_metric
        declared = self.inputs.study.get("evaluation", {}).get("equivalence_margin", {})
        found: float | None = declared.get(metric, METRICS[metric].margin)
        return found


def with_tasks(data: ReportData) -> ReportData:
    """The data of the task that the page is about, from data with the rows of all, with those of every task beside.

    It is the first one that trains on synthetic subjects; of a study that has none, the first. Rows without a task are about
    generators, and belong to each.
    """
    names = list(data.inputs.study.get("tasks", {}))
    if not names:
        return data
    settings = data.inputs.study["tasks"]
    headline = next((name for name in names if settings[name].get("arms") != "real"), names[0])
    column = data.table["task"]

    def of(task: str) -> ReportData:
        own = (column.isna() | (column == task)).to_numpy(bool)
        table = data.table if own.all() else data.table[own]
        rows = [row for row in data.rows if row["task"] in (None, task)]

        def draw(name: str, svg: str, title: str, alt: str) -> dict[str, str]:
            return data.draw(name if task == headline else f"{task}-{name}", svg, title, alt)

        return replace(data, task=task, table=table, rows=rows, draw=draw)

    tasks = {name: of(name) for name in names}
    return replace(tasks[headline], tasks=tasks)


def shows_none(row: Row) -> bool:
    """Default of `Section.shows`: a section without rows of its own."""
    return False


@dataclass(frozen=True)
class Section:
    """One section of the page; a module of `synthaug.report.sections` names its own ``SECTION``.

    Attributes
    ----------
    title : str
        Heading.
    menu : str
        Its entry in the navigation.
    order : int
        Place on the page, ascending.
    content : callable
        Makes the content, JSON-able, that the template ``<module>.html.j2`` finds as ``content``.
        A ``reason`` that is not empty is printed in the place of the template. One that begins with "the study" says that
        the study declares no such thing: then the section is a line at the end of the page (`beyond_the_study`).
    shows : callable
        Whether the section shows an aggregate row; rows of no section are listed under "Missing".
    """

    title: str
    menu: str
    order: int
    content: Callable[[ReportData], dict[str, Any]]
    shows: Callable[[Row], bool] = shows_none


def beyond_the_study(content: Mapping[str, Any]) -> bool:
    """Whether a section has no content because the study declares nothing of the kind."""
    return str(content.get("reason", "")).startswith("the study ")


def find_sections() -> dict[str, Section]:
    """Sections by name, in the order of the page."""
    found = {name.rpartition(".")[2]: importlib.import_module(name).SECTION for name in section_modules()}
    return dict(sorted(found.items(), key=lambda item: item[1].order))
