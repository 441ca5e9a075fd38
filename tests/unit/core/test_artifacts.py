"""Files exist whole or not at all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthaug.core.artifacts import (
    atomic_file,
    atomic_folder,
    read_tsv,
    sha256_file,
    sha256_json,
    write_json,
    write_tsv,
)


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path):
    path = tmp_path / "value.json"
    write_json(path, {"value": 1})
    with pytest.raises(RuntimeError), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == '{\n  "value": 1\n}\n'
    assert [file.name for file in tmp_path.iterdir()] == ["value.json"]


def test_a_failed_folder_leaves_the_old_folder_and_no_rubbish(tmp_path):
    with atomic_folder(tmp_path / "cohort") as folder:
        (folder / "a").write_text("old")
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "cohort") as folder:
        (folder / "a").write_text("new")
        raise RuntimeError
    assert (tmp_path / "cohort" / "a").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["cohort"]


def test_the_temporary_file_keeps_its_suffixes(tmp_path):
    with atomic_file(tmp_path / "cine.nii.gz") as temporary:
        assert temporary.name.endswith(".nii.gz")


def test_json_refuses_nan(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "value.json", {"value": float("nan")})
    assert not (tmp_path / "value.json").exists()


def test_unknown_survives_a_table_and_a_centre_called_na_stays(tmp_path):
    table = pd.DataFrame({"centre": ["NA", None], "subject": ["001", "002"], "age": [np.nan, 60.0]})
    write_tsv(tmp_path / "table.tsv", table)
    again = read_tsv(tmp_path / "table.tsv", ["centre", "subject"])
    assert list(again["subject"]) == ["001", "002"]
    assert again["centre"][0] == "NA" and pd.isna(again["centre"][1])
    assert pd.isna(again["age"][0]) and again["age"][1] == 60


def test_hashes():
    # SHA-256 of the empty string and independence of the order of keys.
    assert (
        sha256_json({"a": 1, "b": [2]}) == sha256_json({"b": [2], "a": 1}) != sha256_json({"a": 1, "b": [3]})
    )


def test_file_hash(tmp_path):
    (tmp_path / "empty").touch()
    assert (
        sha256_file(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
