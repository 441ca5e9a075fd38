"""What a study runs, counted by hand, and the list of it that scripts read."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthaug.config.arms import resolve_arms
from synthaug.config.study import StudySettings, load_study
from synthaug.runs import (
    ArmRun,
    ModelRun,
    arm_runs,
    list_runs,
    made_cohort,
    measure_files,
    model_runs,
    read_runs,
    reconstruction_checks,
    reference_run,
    sweep_runs,
    synthetic_cohort,
    synthetic_runs,
    write_runs,
)


@pytest.fixture(scope="module")
def study() -> StudySettings:
    """Two folds, two generator seeds, two training seeds; one generator is sampled, one is brought."""
    return load_study(
        {
            "name": "s",
            "datasets": {"p": {"layout": "acdc", "vendor": "A", "phantom": {"subjects": 20}}},
            "split": {"folds": 2},
            "models": {
                "autoencoder": {"kind": "autoencoder"},
                "anatomy": {"kind": "anatomy_diffusion"},
                "motion": {"kind": "motion_diffusion"},
                "features": {"kind": "masked_autoencoder"},
            },
            "generators": {"made": {"kind": "cascade"}, "brought": {"kind": "external", "folder": "/x"}},
            "arms": {
                "half": {"real": 0.5},
                "real": {},
                "plus": {"generator": "made", "dose": 1.0, "controls": ["repeated"]},
            },
            "tasks": {"segmentation": {"kind": "segmentation", "training_seeds": [3, 4]}},
            "synthesis": {"generator_seeds": [5, 6]},
            "evaluation": {"extractors": {"own": {"kind": "study", "model": "features"}}},
        }
    )


def test_generators_are_trained_with_each_seed_and_extractors_once(study):
    runs = model_runs(study)
    assert len(runs) == len(set(runs)) == 3 * 2 * 2 + 2
    assert [run for run in runs if run.model == "features"] == [
        ModelRun("features", 0, 5),
        ModelRun("features", 1, 5),
    ]
    assert {run.model for run in reconstruction_checks(study)} == {"autoencoder"}
    assert len(reconstruction_checks(study)) == 4


def test_real_patients_alone_run_with_one_generator_seed(study):
    runs = arm_runs(study)
    assert len(runs) == len(set(runs)) == 2 * (2 * 2 + 2 * 2 * 2)
    assert {run.generator_seed for run in runs if run.arm == "real"} == {5}
    assert {run.generator_seed for run in runs if run.arm == "plus-repeated"} == {5, 6}
    assert {run.arm for run in runs} == set(resolve_arms(study.arms))
    assert reference_run(study, "segmentation", 1) == ArmRun("segmentation", "real", 1, 5, 3)


def test_only_what_is_sampled_is_swept(study):
    assert len(synthetic_runs(study)) == 2 * 2 * 2
    assert [tuple(run) for run in sweep_runs(study)] == [("made", 0, 5), ("made", 1, 5)]


def test_a_brought_cohort_stays_where_it_is(study):
    brought = [run for run in synthetic_runs(study) if run.generator == "brought"]
    assert {synthetic_cohort(study, run) for run in brought} == {made_cohort(study, brought[0])} == {"/x"}


def test_every_row_file_is_listed_once(study):
    files = measure_files(study)
    assert len(files) == len(set(files))
    assert sum(file.startswith("rows/acceptance/") for file in files) == 4
    assert "rows/condition-sweep/made_fold-1_generator-seed-5.tsv" in files
    assert "rows/reconstructions/autoencoder_fold-1_generator-seed-6.tsv" in files


def test_the_list_comes_back_as_it_was_written(study, tmp_path):
    runs = list(list_runs(study))
    write_runs(tmp_path / "runs.tsv", runs)
    assert read_runs(tmp_path / "runs.tsv") == runs
    (run, *others) = read_runs(tmp_path / "runs.tsv", "arm")
    assert len(others) + 1 == len(arm_runs(study))
    folder = Path("results/s/tasks/segmentation/fold-0/arms/half/generator-seed-5/training-seed-3/model")
    assert run.files == [folder, folder.with_name("predictions")] and run.record == folder / "training.json"
    assert all(run.files for run in runs)
