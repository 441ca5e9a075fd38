"""What a published table is: columns that are measured here as well; the paper's values lie beside in a TSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from synthaug.config.study import StudySettings
from synthaug.core.artifacts import read_tsv

#: What the lines of a part are here: generators, or arms of tasks of one kind.
Lines = Literal["generators", "two-class tasks", "multi-class tasks", "regressions", "segmentations"]
#: Target of a column that stands for several, one for each of the study's contrasts (`evaluation.contrasts`).
EACH_CONTRAST = "each contrast"
#: Metric of a column of sampling times: they come from the benchmark files of the synthesis.
SECONDS = "seconds_a_sample"


@dataclass(frozen=True)
class Column:
    """A column of a published table, and where its like stands among result rows.

    Attributes
    ----------
    label : str
        As the study's part of the table heads it; with ``{}`` for the contrast where `target` is `EACH_CONTRAST`.
    metric : str
        Metric of the result rows that measure it here, or `SECONDS`.
    target : str or None
        Target of those rows; None: rows over all targets, or without any.
    unit : str
        Unit of the values.
    structure, phase : str or None
        Of those rows; None: rows over all of them.
    versus : str or None
        What a generator's rows compare with. None: distances are to the real subjects of `own_values`, others to nothing. Arms
        of a segmentation are always compared with real patients alone.
    """

    label: str
    metric: str
    target: str | None = None
    unit: str = ""
    structure: str | None = None
    phase: str | None = None
    versus: str | None = None


@dataclass(frozen=True)
class Part:
    """A part of a table, with columns of its own: what its lines are here, and its columns here."""

    lines: Lines
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Variants:
    """A study's full model, and the generators that differ from it.

    Attributes
    ----------
    full : str
        The full model among the study's generators.
    lines : mapping of str to (str, str) or None
        Of each of the others, its line in the paper and the paper's line of the full model beside it; None: not in the paper.
    """

    full: str
    lines: Mapping[str, tuple[str, str] | None]


@dataclass(frozen=True)
class PublishedTable:
    """A table or figure of a paper.

    Attributes
    ----------
    name : str
        Target of the workflow, ``"<paper>_<table>"``: ``"cpgg_table1"``.
    title : str
        What it shows.
    paper : str
        Citation.
    data : str
        Data of the paper, which are never those of a study here.
    parts : tuple of Part
        Its parts.
    figure : bool
        Whether the paper draws it: values against the dose.
    variants : callable or None
        Of a table of ablations: finds the study's full model and its variants, None where it has none.
    """

    name: str
    title: str
    paper: str
    data: str
    parts: tuple[Part, ...]
    figure: bool = False
    variants: Callable[[StudySettings], Variants | None] | None = None

    @property
    def file(self) -> Path:
        """The TSV with the paper's values: table, part (from 1), method, column, value, sd."""
        return Path(__file__).with_name(f"{self.name.partition('_')[0]}.tsv")

    def values(self, part: int) -> pd.DataFrame:
        """The paper's values of a part, counted from 0: columns method, column, value, sd; empty where it prints none."""
        table = read_tsv(self.file, ("table", "method", "column"))
        own = table[(table["table"] == self.name) & (table["part"] == part + 1)]
        return own[["method", "column", "value", "sd"]].reset_index(drop=True)
