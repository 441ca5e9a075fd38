"""Paths that are patterns to Snakemake, and folders that nobody can write to."""

from __future__ import annotations

import pytest

from synthaug.core.errors import SynthaugError
from synthaug.preflight.paths import check_braces, check_records_folder, check_writable


def test_a_name_in_braces_is_refused_and_other_braces_are_not():
    check_braces({"datasets.a.root": ["/a{b", "/{3F25-4F89}/x", "/a b/ü"]})
    with pytest.raises(SynthaugError) as caught:
        check_braces({"a": ["/x", "/raw {1}/y", "/{z}"], "b": ["/ok"], "c": ["/{name}"]})
    lines = str(caught.value).splitlines()
    assert [line[:2] for line in lines] == ["a:", "c:"]
    assert "/raw {1}/y has a name in braces" in lines[0]


def test_results_are_tried_before_anything_runs(tmp_path):
    check_writable(tmp_path / "results" / "a")
    assert not list((tmp_path / "results" / "a").iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(SynthaugError, match="cannot be written"):
        check_writable(tmp_path / "file" / "a")


def test_records_that_cannot_be_kept_are_refused_with_a_way_out(tmp_path):
    check_records_folder(tmp_path / ".snakemake", "Snakefile")
    assert not list((tmp_path / ".snakemake").iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(SynthaugError) as said:
        check_records_folder(tmp_path / "file" / ".snakemake", "/w/Snakefile")
    folder = tmp_path / "file"
    assert str(said.value) == (
        f"{folder}/.snakemake: Snakemake cannot write its records (Not a directory); make {folder} writable, or run in "
        "another folder with snakemake --snakefile /w/Snakefile"
    )
