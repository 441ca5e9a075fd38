"""Sections: each a module and a template of one name, found without a list, and a new one needs no other file."""

from __future__ import annotations

import json
import sys

import pytest
from report_study import make_study

from synthaug.config.report import ReportSettings
from synthaug.core.imports import imported_files
from synthaug.report import sections
from synthaug.report.files import FOLDER, template_files
from synthaug.report.gather import gather_content
from synthaug.report.render import render
from synthaug.report.section import Section, find_sections, section_modules
from synthaug.report.table import make_table, number

OWN_SECTION = """
from synthaug.report.rows import select, shows_metrics
from synthaug.report.section import Section

def content(data):
    (row,) = select(data.rows, metric="dice_surprise")
    return {"surprise": row["value"]}

SECTION = Section("Surprise", "Surprise", 165, content, shows_metrics("dice_surprise"))
"""


def test_each_section_has_its_template_and_a_place_of_its_own():
    found = find_sections()
    assert next(iter(found)) == "verdict" and len(found) > 15
    assert {path.name.removesuffix(".html.j2") for path in (FOLDER / "sections").glob("*.j2")} == set(found)
    orders = [section.order for section in found.values()]
    assert orders == sorted(set(orders))
    assert len({section.menu for section in found.values()}) == len(found)


def test_no_template_line_is_longer_than_120_characters():
    long = [
        f"{path}:{number}"
        for path in FOLDER.glob("**/*.j2")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if len(line) > 120
    ]
    assert long == []


def test_the_files_of_all_sections_are_known_before_anything_is_imported():
    files = imported_files([], section_modules())
    assert {str(path) for path in (FOLDER / "sections").glob("[!_]*.py")} <= set(files)
    shown = set(template_files())
    assert {str(path) for path in FOLDER.glob("**/*.j2")} | {str(FOLDER / "report.css")} <= shown
    assert all("sections" not in file or file.endswith(".j2") for file in shown)


def test_a_new_section_is_one_module_and_one_template(tmp_path, monkeypatch):
    folder = tmp_path / "sections"
    folder.mkdir()
    (folder / "surprise.py").write_text(OWN_SECTION)
    (folder / "surprise.html.j2").write_text("<p>It is {{ content.surprise }}.</p>")
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(folder)])
    try:
        gather_content(
            make_study(tmp_path, cohort_size=2), ReportSettings(cine_pairs=0), tmp_path / "content"
        )
    finally:
        sys.modules.pop("synthaug.report.sections.surprise", None)
    found = json.loads((tmp_path / "content" / "content.json").read_text())["sections"]
    by_name = {section["name"]: section["content"] for section in found}
    assert by_name["missing"]["others"] is None  # its row is shown now
    render(tmp_path / "content", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<p>It is 1.25.</p>" in page and '<a href="#surprise">Surprise</a>' in page


def test_rows_of_single_patients_are_no_mappings(tmp_path, monkeypatch):
    seen = []

    def content(data):
        seen.append((len(data.rows), int(data.table["subject"].isna().sum()), len(data.table)))
        return {}

    only = {"own": Section("Own", "Own", 1, content)}
    monkeypatch.setattr("synthaug.report.gather.find_sections", lambda: only)
    gather_content(make_study(tmp_path, cohort_size=2), ReportSettings(), tmp_path / "content")
    ((rows, aggregates, every),) = seen
    assert rows == aggregates < every


def test_cells_that_share_a_note_share_its_mark():
    cells = [{"value": 1.0, "note": note} for note in ("few", "", "far", "few")]
    table = make_table("t", {"a": ""}, [[cell] for cell in cells])
    assert [row[0].get("mark") for row in table["rows"]] == ["a", None, "b", "a"]
    assert table["notes"] == [{"mark": "a", "text": "few"}, {"mark": "b", "text": "far"}]
    many = make_table("t", {"a": ""}, [[{"note": str(count)}] for count in range(28)])
    assert [note["mark"] for note in many["notes"][25:]] == ["z", "aa", "ab"]


@pytest.mark.parametrize("value", [None, 0.5])
def test_a_number_needs_no_estimate(value):
    assert make_table("t", {"a": ""}, [[number(value, 2)]])["rows"] == [[{"number": value, "places": 2}]]
