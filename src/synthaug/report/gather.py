"""Content of the page, collected into one folder: ``content.json`` and its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.report import ReportSettings
from synthaug.core.artifacts import atomic_folder, write_json
from synthaug.data.cohort import Cohort
from synthaug.report.inputs import ReportInputs
from synthaug.report.rows import Draw, records
from synthaug.report.section import (
    TABLE_COLUMNS,
    ReportData,
    Section,
    beyond_the_study,
    find_sections,
    with_tasks,
)
from synthaug.tables.collate import read_checksums, verified_rows
from synthaug.tables.compact import read_aggregates, read_compact


def gather_content(inputs: ReportInputs, settings: ReportSettings, output: Path) -> None:
    """Collect the content of the report: every section, figures, cines.

    Parameters
    ----------
    inputs : ReportInputs
        Input files. If one is absent, its section gives the reason.
    settings : ReportSettings
        Number of examples.
    output : Path
        Folder to write, whole or not at all: ``content.json`` (values unrounded, files by
        name) and ``assets/`` (SVG and PNG).

    Raises
    ------
    SynthaugError
        The result tables or a cohort were changed after they were written.
    """
    rows = verified_rows(inputs.tables)
    confidence = inputs.study.get("evaluation", {}).get("confidence")
    name = str(inputs.study.get("name", "study"))
    sections = find_sections()
    with atomic_folder(output) as folder:
        assets = folder / "assets"
        assets.mkdir()

        everything = ReportData(
            inputs=inputs,
            settings=settings,
            table=read_compact(rows, TABLE_COLUMNS),
            rows=records(read_aggregates(rows)),
            real=Cohort.open_all(inputs.cohorts.values()),
            alpha=1 - (EvaluationSettings().confidence if confidence is None else confidence),
            draw=draw_into(assets),
            assets=assets,
            is_shown=lambda row: any(section.shows(row) for section in sections.values()),
        )
        data = with_tasks(everything)
        content = {
            "study": name,
            "title": str(inputs.study.get("title") or name),
            "confidence": 1 - data.alpha,
            "tables": {"version": inputs.tables.name, "checksums": read_checksums(inputs.tables)},
            "sections": section_contents(sections, data),
        }
        write_json(folder / "content.json", content, checksum=True)


def draw_into(assets: Path) -> Draw:
    """What writes the figures of sections into a folder."""

    def draw(name: str, svg: str, title: str, alt: str) -> dict[str, str]:
        (assets / f"{name}.svg").write_text(svg, encoding="utf-8")
        return {"file": f"{name}.svg", "title": title, "alt": alt}

    return draw


def section_contents(sections: Mapping[str, Section], data: ReportData) -> list[dict[str, Any]]:
    """Sections as the template of the page takes them."""
    contents = {name: section.content(data) for name, section in sections.items()}
    return [
        {
            "name": name,
            "id": name.replace("_", "-"),
            "title": section.title,
            "menu": section.menu,
            "content": contents[name],
            "beyond": beyond_the_study(contents[name]),
        }
        for name, section in sections.items()
    ]
