"""The page about one dataset: the sections of the report that need no study."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from synthaug.config.data import DatasetSettings, HarmonisationSettings
from synthaug.config.report import ReportSettings
from synthaug.core.artifacts import write_json
from synthaug.core.leftovers import temporary_folder
from synthaug.data.cohort import Cohort
from synthaug.data.harmonise import harmonise_dataset
from synthaug.report import wording
from synthaug.report.gather import draw_into, section_contents
from synthaug.report.inputs import ReportInputs
from synthaug.report.render import render
from synthaug.report.section import TABLE_COLUMNS, ReportData, find_sections, shows_none

_SECTIONS = ("flow", "subjects", "cohort", "image_quality")


def write_quality_page(folder: Path, output: Path) -> int:
    """Write the page about a cohort.

    Parameters
    ----------
    folder : Path
        Folder of the cohort.
    output : Path
        HTML file; it needs no network and no other file.

    Returns
    -------
    int
        Number of subjects.

    Raises
    ------
    SynthaugError
        The folder is no cohort.
    """
    cohort = Cohort.open(folder)
    sections = {name: section for name, section in find_sections().items() if name in _SECTIONS}
    with temporary_folder("quality") as temporary:
        content = Path(temporary)
        assets = content / "assets"
        assets.mkdir()
        data = ReportData(
            inputs=ReportInputs(tables=folder, study={}, arms=[], cohorts={cohort.name: folder}),
            settings=ReportSettings(),
            table=pd.DataFrame(columns=list(TABLE_COLUMNS)),
            rows=[],
            real=cohort,
            alpha=0.05,
            draw=draw_into(assets),
            assets=assets,
            is_shown=shows_none,
        )
        page = {
            "study": cohort.name,
            "title": f"Quality of {cohort.name}",
            "confidence": 1 - data.alpha,
            "tables": {"version": wording.counted(len(cohort.subjects), "subject"), "checksums": {}},
            "sections": section_contents(sections, data),
        }
        write_json(content / "content.json", page)
        render(content, output)
    return len(cohort.subjects)


def write_raw_quality_page(
    dataset: DatasetSettings,
    root: Path,
    output: Path,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write the page about raw files, harmonised into a temporary folder with the default voxel grid.

    Parameters
    ----------
    dataset : DatasetSettings
        How the dataset is laid out.
    root : Path
        Its folder.
    output : Path
        HTML file.
    processes : int
        Subjects at a time.
    progress : callable, optional
        Called with the subjects done and all there are.

    Returns
    -------
    int
        Number of subjects that can be used.

    Raises
    ------
    SynthaugError
        The dataset cannot be read, or too few subjects can be used.
    """
    name = re.sub(r"[^A-Za-z0-9]+", "-", root.resolve().name).strip("-")[:20] or "data"
    with temporary_folder("quality") as temporary:
        cohort = Path(temporary) / "cohort"
        harmonise_dataset(name, dataset, root, HarmonisationSettings(), cohort, processes, progress)
        return write_quality_page(cohort, output)
