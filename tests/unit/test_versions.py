"""Result tables are numbered, append-only, and an edit is caught."""

from __future__ import annotations

import pytest

from synthaug.artifacts import write_tsv
from synthaug.errors import SynthaugError
from synthaug.tables import make_table
from synthaug.versions import current_version, publish, verify, write_current


def rows(tmp_path, value):
    row = {
        "metric": "dice",
        "definition": "dice.v1",
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
    write_current(tables / "current.json", version)
    assert current_version(tables / "current.json") == tables / "v001"
