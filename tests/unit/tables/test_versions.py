"""Result tables are numbered, append-only, and an edit is caught."""

from __future__ import annotations

import shutil

import pytest

from synthaug.core.artifacts import write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.tables import make_table
from synthaug.tables.collate import read_version
from synthaug.tables.versions import current_version, find_version, publish, verify, write_current


def rows(tmp_path, value):
    row = {
        "metric": "dice",
        "definition": "dice.native.v1",
        "unit": "1",
        "status": "ok",
        "value": value,
        "arm": "real",
        "subject": "a-1",
    }
    write_tsv(tmp_path / "rows.tsv", make_table([row]))
    return [tmp_path / "rows.tsv"]


def test_same_rows_same_version_other_rows_next_version(tmp_path):
    tables = tmp_path / "tables"
    assert publish(rows(tmp_path, 0.9), tables, {"created": "now"}) == "v001"
    assert publish(rows(tmp_path, 0.9), tables, {"created": "later"}) == "v001"
    assert publish(rows(tmp_path, 0.8), tables, {}) == "v002"
    assert publish(rows(tmp_path, 0.9), tables, {}) == "v001"
    assert sorted(path.name for path in tables.iterdir()) == ["v001", "v002"]


def test_an_edited_table_is_named(tmp_path):
    tables = tmp_path / "tables"
    publish(rows(tmp_path, 0.9), tables, {})
    table = tables / "v001" / "rows.csv"
    table.write_text(table.read_text().replace("0.9", "0.95"))
    with pytest.raises(SynthaugError, match=r"v001/rows\.csv: is not what was collated"):
        publish(rows(tmp_path, 0.9), tables, {})
    with pytest.raises(SynthaugError):
        verify(tables / "v001")


def test_current_names_a_version(tmp_path):
    tables = tmp_path / "tables"
    version = publish(rows(tmp_path, 0.9), tables, {})
    write_current(tables / "current.json", version, {})
    assert current_version(tables / "current.json") == tables / "v001"


def test_a_version_is_found_by_folder_by_name_and_as_the_current_one(tmp_path):
    tables = tmp_path / "tables"
    publish(rows(tmp_path, 0.9), tables, {})
    publish(rows(tmp_path, 0.8), tables, {})
    write_current(tables / "current.json", "v002", {})
    assert find_version(tables / "v001") == tables / "v001"
    assert find_version("v001", tmp_path) == tables / "v001"
    assert find_version("current", tmp_path) == tables / "v002"
    with pytest.raises(SynthaugError, match="has no version v003; it has v001, v002"):
        find_version("v003", tmp_path)


@pytest.mark.parametrize(
    "name", ["rows.csv", "rows.parquet", "summary.md", "provenance.json", "ro-crate-metadata.json"]
)
def test_an_edit_of_any_file_is_named_in_one_line(tmp_path, name):
    tables = tmp_path / "tables"
    publish(rows(tmp_path, 0.9), tables, {}, lambda table: {"summary.md": f"{len(table)} row\n"})
    with (tables / "v001" / name).open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(SynthaugError) as raised:
        read_version(tables / "v001")
    (line,) = str(raised.value).splitlines()
    assert f"v001/{name}: is not what was collated" in line and "restore the file" in line


def test_a_file_that_was_removed_is_named(tmp_path):
    tables = tmp_path / "tables"
    publish(rows(tmp_path, 0.9), tables, {})
    (tables / "v001" / "provenance.json").unlink()
    with pytest.raises(SynthaugError, match=r"v001/provenance\.json: is not what was collated"):
        verify(tables / "v001")


def test_companions_that_refuse_leave_no_version(tmp_path):
    def refuse(_):
        raise SynthaugError("arm real: no row")

    with pytest.raises(SynthaugError, match="arm real"):
        publish(rows(tmp_path, 0.9), tmp_path / "tables", {}, refuse)
    assert list((tmp_path / "tables").iterdir()) == []


def test_a_copy_of_a_version_is_no_version(tmp_path):
    tables = tmp_path / "tables"
    publish(rows(tmp_path, 0.9), tables, {})
    shutil.copytree(tables / "v001", tables / "v001-backup")
    assert publish(rows(tmp_path, 0.8), tables, {}) == "v002"
