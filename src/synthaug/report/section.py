"""Sections of the report: declaration and data."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.config.report import ReportSettings
from synthaug.data.cohort import Cohort
from synthaug.metric_registry import METRICS
from synthaug.report.baseline import Baseline, measure_baseline
from synthaug.report.files import section_modules
from synthaug.report.inputs import ReportInputs
from synthaug.report.rows import Draw
from synthaug.tables import Row

#: Columns of `ReportData.table`.
TABLE_COLUMNS = (
    *("metric", "value", "status", "note", "arm", "generator", "fold", "training_seed", "generator_seed"),
    *("subject", "patient", "role", "phase", "structure", "vendor", "diagnosis"),
)


@dataclass(frozen=True)
class ReportData:
    """Data that a section can show.

    Attributes
    ----------
    inputs : ReportInputs
        Files of the study.
    settings : ReportSettings
        How many examples are drawn, and the metric that decides.
    table : DataFrame
        All result rows, columns `TABLE_COLUMNS`, texts as categories. Rows of single patients are read from here only: a
        study may have millions. Select first; `synthaug.tables.compact.with_texts` turns a part into texts.
    rows : list of Row
        Rows about several patients, as mappings.
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

    @cached_property
    def baseline(self) -> Baseline | None:
        """Scores of the arm of real patients; None if the study has no such arm."""
        return measure_baseline(self.table, self.inputs.arms)

    @property
    def margin(self) -> float | None:
        """Equivalence margin of the primary metric, in its unit; None if the study declares none."""
        metric = self.settings.primary_metric
        declared = self.inputs.study.get("evaluation", {}).get("equivalence_margin", {})
        found: float | None = declared.get(metric, METRICS[metric].margin)
        return found


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
        A ``reason`` that is not empty is printed in the place of the template.
    shows : callable
        Whether the section shows an aggregate row; rows of no section are listed under "Missing".
    """

    title: str
    menu: str
    order: int
    content: Callable[[ReportData], dict[str, Any]]
    shows: Callable[[Row], bool] = shows_none


def find_sections() -> dict[str, Section]:
    """Sections by name, in the order of the page."""
    found = {name.rpartition(".")[2]: importlib.import_module(name).SECTION for name in section_modules()}
    return dict(sorted(found.items(), key=lambda item: item[1].order))
