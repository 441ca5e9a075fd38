"""Result rows collected under a version."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd
import pytest

from synthaug.core.artifacts import write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.tables import COLUMNS, make_table
from synthaug.tables.collate import collate, read_checksums, read_version

DICE = {"metric": "dice", "definition": "dice.native.v1", "unit": "1", "status": "ok", "direction": "higher"}


def write_rows(path: Path, *rows: dict) -> Path:
    write_tsv(path, make_table({**DICE, **row} for row in rows))
    return path


@pytest.fixture
def two_files(tmp_path: Path) -> list[Path]:
    return [
        write_rows(tmp_path / "a.tsv", {"value": 0.9, "subject": "p-1", "fold": 0, "structure": "LV"}),
        # All of `structure` is empty here: the type of a column must not depend on the file.
        write_rows(tmp_path / "b.tsv", {"status": "failed", "subject": "007", "note": "no mask"}),
    ]


def test_rows_come_back_as_they_were_written(tmp_path, two_files):
    collate(two_files, tmp_path / "tables" / "v1", {"git": {"commit": "abc"}})
    rows = read_version(tmp_path / "tables" / "v1")
    assert list(rows.columns) == list(COLUMNS)
    assert rows["value"].iloc[0] == 0.9
    assert pd.isna(rows["value"].iloc[1])
    assert rows["subject"].tolist() == ["p-1", "007"]  # an id is text, not a number
    assert rows["fold"].iloc[0] == 0
    assert pd.isna(rows["fold"].iloc[1])
    assert rows["note"].iloc[1] == "no mask"


def test_the_checksums_are_those_of_sha256sum(tmp_path, two_files):
    version = tmp_path / "v1"
    collate(two_files, version, {})
    assert set(read_checksums(version)) == {
        "rows.parquet",
        "rows.csv",
        "provenance.json",
        "ro-crate-metadata.json",
    }
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=version, check=True)


def test_the_same_rows_give_the_same_bytes(tmp_path, two_files):
    for name in ("v1", "v2"):
        collate(two_files, tmp_path / name, {})
    assert read_checksums(tmp_path / "v1") == read_checksums(tmp_path / "v2")


def test_a_version_never_changes(tmp_path, two_files):
    version = tmp_path / "v1"
    collate(two_files, version, {"created": "yesterday"})
    before = {path.name: path.read_bytes() for path in version.iterdir()}
    collate(two_files, version, {"created": "today"})
    assert {path.name: path.read_bytes() for path in version.iterdir()} == before
    with pytest.raises(SynthaugError, match="new version"):
        collate(two_files[:1], version, {})
    assert {path.name: path.read_bytes() for path in version.iterdir()} == before
    left = {path.name for path in tmp_path.iterdir() if path.suffix != ".sha256"}
    assert left == {"a.tsv", "b.tsv", "v1"}


def test_two_rows_about_the_same_thing_are_refused_by_name(tmp_path):
    first = write_rows(tmp_path / "a.tsv", {"value": 0.9, "subject": "p-1"})
    second = write_rows(tmp_path / "b.tsv", {"value": 0.8, "subject": "p-1"})
    with pytest.raises(SynthaugError, match=r"dice.*p-1"):
        collate([first, second], tmp_path / "v1", {})
    assert not (tmp_path / "v1").exists()


def test_rows_that_differ_only_in_seed_or_dose_are_different(tmp_path):
    runs = [
        {"training_seed": 0},
        {"training_seed": 1},
        {"generator_seed": 0},
        {"dose": 0.5},
        {"versus": "real"},
    ]
    path = write_rows(tmp_path / "a.tsv", *({"value": 0.9, **run} for run in runs))
    collate([path], tmp_path / "v1", {})
    assert len(read_version(tmp_path / "v1")) == len(runs)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [("status", "fine", "status 'fine'"), ("value", None, "disagrees"), ("fold", "first", "column fold")],
)
def test_a_row_outside_the_schema_is_refused_with_its_file(tmp_path, column, value, said):
    table = make_table([{**DICE, "value": 0.5}]).astype(object)
    table[column] = value
    write_tsv(tmp_path / "bad.tsv", table)
    with pytest.raises(SynthaugError, match=rf"bad\.tsv.*{said}"):
        collate([tmp_path / "bad.tsv"], tmp_path / "v1", {})


def test_a_table_that_was_edited_is_not_read(tmp_path, two_files):
    collate(two_files, tmp_path / "v1", {})
    with (tmp_path / "v1" / "rows.parquet").open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(SynthaugError, match="checksum"):
        read_version(tmp_path / "v1")


def test_a_study_without_any_row_collates(tmp_path):
    collate([], tmp_path / "v1", {})
    assert list(read_version(tmp_path / "v1").columns) == list(COLUMNS)
