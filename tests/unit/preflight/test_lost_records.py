"""Results without Snakemake's records: refused where their configuration was another."""

from __future__ import annotations

from pathlib import Path

import pytest
from snakemake.persistence import MetadataRecord
from snakemake.persistence.file import FilePersistence

from synthaug.core.errors import SynthaugError
from synthaug.preflight.lost_records import check_records, write_configuration

STUDY = {"name": "a", "split": {"seed": 0, "folds": 2}, "arms": {"real": {}}}
OTHER = {**STUDY, "split": {"seed": 4, "folds": 2}, "arms": {"real": {}, "mix": {"dose": 1.0}}}


@pytest.fixture
def records(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_configuration("results/a", STUDY)
    return tmp_path / ".snakemake" / "metadata"


def make(*outputs):
    for output in outputs:
        Path("results/a", output).parent.mkdir(parents=True, exist_ok=True)
        Path("results/a", output).touch()


def record(output, folder):
    """As Snakemake records an output of this folder."""
    backend = FilePersistence(path=folder.parent)
    if folder.name == "metadata":
        backend._write_record(output, MetadataRecord())
    else:
        backend._mark_incomplete(output, None)


SPLIT, COHORT = "splits/fold-0.tsv", "cohorts/phantom"
MODEL = "models/images/fold-0/generator-seed-0/model.safetensors"
TASK = f"tasks/segmentation/fold-0/arms/{'a' * 120}/generator-seed-0/training-seed-0/model"  # its record is split


def test_the_same_configuration_needs_no_records(records):
    make(SPLIT)
    check_records("results/a", STUDY, records / "nowhere")
    check_records("results/never-ran", OTHER, records)


@pytest.mark.parametrize("output", [SPLIT, COHORT, MODEL, TASK])
@pytest.mark.parametrize("recorded", [None, "results/ab/splits/fold-0.tsv", "results/a/report.html"])
def test_another_configuration_without_a_record_is_refused(records, output, recorded):
    make(output)
    if recorded:
        record(recorded, records)
    expected = (
        rf"split.seed: 0 before, 4 now, arms.mix\), and Snakemake's records of results/a/{output} are gone"
    )
    with pytest.raises(SynthaugError, match=expected):
        check_records("results/a", OTHER, records)


def test_the_record_of_one_new_output_does_not_stand_for_the_others(records):
    make(SPLIT, COHORT, MODEL, TASK)
    record(f"results/a/{TASK}", records)
    with pytest.raises(SynthaugError, match=rf"results/a/{SPLIT} and 2 more outputs are gone"):
        check_records("results/a", OTHER, records)


@pytest.mark.parametrize("kept", ["metadata", "incomplete"])
def test_with_records_snakemake_decides(records, kept):
    make(SPLIT, COHORT, MODEL, TASK, "cohorts/.partial-of-a-killed-job", "rows/not-judged.tsv")
    for output in (SPLIT, COHORT, MODEL, TASK):
        record(f"results/a/{output}", records.parent / kept)
    check_records("results/a", OTHER, records)
