"""Results without Snakemake's records: refused where their configuration was another."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from synthaug.core.errors import SynthaugError
from synthaug.preflight.lost_records import check_records, write_configuration

STUDY = {"name": "a", "split": {"seed": 0, "folds": 2}, "arms": {"real": {}}}
OTHER = {**STUDY, "split": {"seed": 4, "folds": 2}, "arms": {"real": {}, "mix": {"dose": 1.0}}}


@pytest.fixture
def records(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_configuration("results/a", STUDY)
    folder = tmp_path / "metadata"
    folder.mkdir()
    return folder


def record(folder, output):
    name = urlsafe_b64encode(output.encode()).decode()
    if len(name) < 200:
        (folder / name).touch()
    else:  # as Snakemake cuts what is too long for a file system
        (folder / f"@{name[:199]}").mkdir()


def test_the_same_configuration_needs_no_records(records):
    check_records("results/a", STUDY, records / "nowhere")
    check_records("results/never-ran", OTHER, records)


@pytest.mark.parametrize("output", [None, "results/ab/report.html", "results/b/report.html"])
def test_another_configuration_without_records_is_refused(records, output):
    if output:
        record(records, output)
    expected = r"split.seed: 0 before, 4 now, arms.mix\), and Snakemake's records of it are gone"
    with pytest.raises(SynthaugError, match=expected):
        check_records("results/a", OTHER, records)


@pytest.mark.parametrize("output", ["results/a/splits/fold-0.tsv", "results/a/" + "deep/" * 60 + "rows.tsv"])
def test_with_records_snakemake_decides(records, output):
    record(records, output)
    check_records("results/a", OTHER, records)
