"""What a study runs, counted by hand, and the list of it that scripts read."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthaug.config.arms import resolve_arms
from synthaug.config.study import StudySettings, load_study
from synthaug.core.yaml_files import read_yaml
from synthaug.runs import (
    ArmRun,
    ModelRun,
    SyntheticRun,
    arm_runs,
    chunks_of,
    diagnosis_task,
    forest_task,
    generator_trainings,
    list_runs,
    made_cohort,
    measure_files,
    model_runs,
    parts_of,
    ranked_files,
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


def of_size(study: StudySettings, subjects: int, chunk_size: int) -> StudySettings:
    synthesis = study.synthesis.model_copy(update={"subjects": subjects, "chunk_size": chunk_size})
    return study.model_copy(update={"synthesis": synthesis})


def chunks(study: StudySettings, subjects: int, chunk_size: int) -> list[range]:
    return chunks_of(of_size(study, subjects, chunk_size))


def test_a_larger_cohort_keeps_the_chunks_of_the_smaller_one(study):
    assert chunks(study, 7, 3) == [range(3), range(3, 6), range(6, 7)]
    assert chunks(study, 7, 3)[:2] == chunks(study, 100, 3)[:2]
    large = chunks(study, 100_000, 3)
    assert large[: len(chunks(study, 5000, 3)) - 1] == chunks(study, 5000, 3)[:-1]


def test_chunks_of_a_large_cohort_double_from_the_65th_on_and_leave_nothing_out(study):
    large = chunks(study, 1_000_000, 16)
    assert [number for part in large[:200] for number in part] == list(range(large[199].stop))
    assert large[-1].stop == 1_000_000 and len(large) == 1169
    sizes = [len(part) for part in large]
    assert sizes[:64] == [16] * 64 and sizes[64:96] == [32] * 32 and sizes[96] == 64 and max(sizes) == 1024


def test_parts_are_chunks_of_2048_requests_that_a_larger_cohort_keeps(study):
    def parts(subjects, chunk_size):
        return parts_of(of_size(study, subjects, chunk_size))

    assert parts(6, 3) == [range(2)] and parts(2047, 1000) == [range(3)]
    # 64 chunks of 16 and 32 of 32; 16 times 64 twice; 8 times 128 twice.
    large = parts(100_000, 16)
    assert large[:3] == [range(96), range(96, 128), range(128, 144)] and len(large) == 49
    assert [number for part in large for number in part] == list(range(len(chunks(study, 100_000, 16))))
    assert parts(5000, 1000) == [range(3), range(3, 5)] and parts(9000, 1000)[0] == range(3)


@pytest.mark.parametrize(
    "file", sorted(Path(__file__).parents[2].glob("config/**/*.yaml")), ids=lambda file: file.stem
)
def test_no_shipped_study_has_more_than_one_part(file):
    assert len(parts_of(load_study(read_yaml(file)))) == 1


def test_generators_are_trained_with_each_seed_and_extractors_once(study):
    runs = model_runs(study)
    assert len(runs) == len(set(runs)) == 3 * 2 * 2 + 2
    assert [run for run in runs if run.model == "features"] == [
        ModelRun("features", 0, 5),
        ModelRun("features", 1, 5),
    ]
    assert {run.model for run in reconstruction_checks(study)} == {"autoencoder"}
    assert len(reconstruction_checks(study)) == 4


def test_a_perceptual_network_is_trained_with_each_seed_on_the_fold_of_its_autoencoder(study):
    coder = study.models["autoencoder"].model_copy(update={"needs": {"perceptual": "features"}})
    perceiving = study.model_copy(update={"models": study.models | {"autoencoder": coder}})
    runs = model_runs(perceiving)
    assert len(runs) == len(set(runs)) == 4 * 2 * 2
    assert {run[1:] for run in runs if run.model == "features"} == {(0, 5), (0, 6), (1, 5), (1, 6)}
    assert ModelRun("features", 1, 6) in generator_trainings(perceiving, SyntheticRun("made", 1, 6))
    assert {run.model for run in reconstruction_checks(perceiving)} == {"autoencoder"}


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


def test_a_brought_cohort_is_one_for_all_folds_and_seeds(study):
    brought = [run for run in synthetic_runs(study) if run.generator == "brought"]
    assert {synthetic_cohort(study, run) for run in brought} == {"results/s/synthetic/brought/brought"}
    assert made_cohort(study, brought[0]) == "results/s/synthetic/brought/brought"


def test_every_row_file_is_listed_once(study):
    files = measure_files(study)
    assert len(files) == len(set(files))
    assert sum(file.startswith("rows/acceptance/") for file in files) == 4
    assert [file for file in files if "memberships" in file] == ["rows/memberships/made.tsv"]
    assert "rows/condition-sweep/made_fold-1_generator-seed-5.tsv" in files
    assert "rows/generator-comparison/own_fold-0_generator-seed-6.tsv" in files
    assert "rows/reconstructions/autoencoder_fold-1_generator-seed-6.tsv" in files


def test_generators_are_ranked_by_rows_about_them(study):
    files = measure_files(study)
    ranked = ranked_files(study)
    assert files[-1] == "rows/generator-ranking.tsv" and set(ranked) < set(files)
    assert sum(file.startswith("rows/recovery/") for file in ranked) == 8
    # Only what is sampled by the study is timed.
    assert [file for file in ranked if "/cost/" in file and "brought" in file] == []
    assert sum(file.startswith("rows/cost/") for file in ranked) == 4
    assert not any("comparison" in file or "sensitivity" in file for file in ranked)
    (first, *_) = synthetic_runs(study)
    assert generator_trainings(study, first) == [
        ModelRun(name, 0, 5) for name in ("autoencoder", "anatomy", "motion")
    ]


def test_the_judges_of_a_diagnosis_have_the_same_classes(study):
    assert diagnosis_task(study) is None and forest_task(study) is None
    two = {"normal": ["NOR"], "ill": ["DCM"]}
    forest = {"kind": "classification", "method": "random_forest", "arms": "real"}
    tasks = {
        "segmentation": {"kind": "segmentation"},
        "forest": forest,
        "diagnosis": {"kind": "classification", "classes": two},
        "forest-of-two": {**forest, "classes": two},
    }
    declared = study.model_dump(mode="json", by_alias=True, exclude={"tasks"})
    with_judges = load_study({**declared, "tasks": tasks})
    assert (diagnosis_task(with_judges), forest_task(with_judges)) == ("diagnosis", "forest-of-two")
    without_segmenter = {name: tasks[name] for name in ("diagnosis", "forest-of-two")}
    unswept = {**declared["synthesis"], "sweep": {"levels": 0}}
    alone = load_study({**declared, "tasks": without_segmenter, "synthesis": unswept})
    assert (diagnosis_task(alone), forest_task(alone)) == ("diagnosis", None)


def test_the_list_comes_back_as_it_was_written(study, tmp_path):
    runs = list(list_runs(study))
    write_runs(tmp_path / "runs.tsv", runs)
    assert read_runs(tmp_path / "runs.tsv") == runs
    (run, *others) = read_runs(tmp_path / "runs.tsv", "arm")
    assert len(others) + 1 == len(arm_runs(study))
    folder = Path("results/s/tasks/segmentation/fold-0/arms/half/generator-seed-5/training-seed-3/model")
    assert run.files == [folder, folder.with_name("predictions")] and run.record == folder / "training.json"
    assert all(run.files for run in runs)
