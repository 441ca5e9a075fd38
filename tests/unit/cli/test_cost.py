"""What a study costs: counted by hand, timed from records, and the disk of its parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthaug.cli import main
from synthaug.config.study import StudySettings, load_study
from synthaug.core.artifacts import write_json, write_text
from synthaug.cost import count_jobs, count_subjects, estimate_cost, estimate_disk, say_cost

STUDIES = Path(__file__).parents[3] / "config" / "studies"


def study(**changes) -> StudySettings:
    return load_study(
        {
            "name": "s",
            "datasets": {"p": {"layout": "acdc", "vendor": "A", "phantom": {"subjects": 20}}},
            "harmonisation": {"matrix": [10, 50, 50], "frames": 8},
            "split": {"folds": 2, "validation_fraction": 0.2},
            "models": {"features": {"kind": "masked_autoencoder", "training": {"iterations": 50}}},
            "generators": {"mine": {"kind": "external", "folder": "/x"}},
            "arms": {"real": {}, "plus": {"generator": "mine", "dose": 1.0, "controls": ["repeated"]}},
            "tasks": {
                "segmentation": {
                    "kind": "segmentation",
                    "iterations": 500,
                    "training_seeds": [0, 1, 2],
                    "base_features": 8,
                }
            },
            "synthesis": {"generator_seeds": [0, 1]},
            "evaluation": {"extractors": {"own": {"kind": "study", "model": "features"}}},
        }
        | changes
    )


def test_jobs_by_hand():
    jobs = count_jobs(study())
    # Real once; the arm and its control with each of two generator seeds; two folds; three training seeds.
    assert jobs["train_task"] == jobs["validate_task"] == jobs["predict_test"] == (1 + 2 + 2) * 2 * 3
    assert jobs["train_model"] == 2 and jobs["audit_features"] == jobs["predict_synthetic"] == 1 * 2 * 2
    assert "synthesise_chunk" not in jobs and "label_synthetic" not in jobs
    measures = ("controllability", "mask_agreement", "cardiac_function", "recovery")
    assert [jobs[f"measure_{name}"] for name in measures] == [4] * 4 and jobs["collate_results"] == 1
    taught = {"mine": {"kind": "external", "folder": "/x", "labels": "pseudo"}}
    assert count_jobs(study(generators=taught))["label_synthetic"] == 4
    teaching = {
        "a": {"kind": "autoencoder", "channels": [8], "teacher": {"task": "segmentation"}},
    }
    autoencoders = teaching | {"b": {"inherits": "a", "training": {"iterations": 9}}}
    used = {f"of-{name}": {"kind": "real", "dataset": "p", "through": name} for name in autoencoders}
    # Once a fold, whoever is taught.
    features = {"features": {"kind": "masked_autoencoder"}}
    taught = study(models=features | autoencoders, generators=used, arms={"real": {}})
    assert count_jobs(taught)["label_training"] == 2
    # Two folds of 10 held out, 2 validating and 8 training subjects; a byte a voxel.
    assert estimate_disk(taught, {"p": 20})["labels by teachers"] == 2 * 8 * 8 * 10 * 50 * 50
    assert "label_training" not in jobs


def test_a_condition_sweep_is_made_once_a_fold_whatever_the_generator_seeds():
    sampled = {
        "harmonisation": {"matrix": [10, 48, 48], "frames": 8},
        "models": {
            "autoencoder": {"kind": "autoencoder"},
            "anatomy": {"kind": "anatomy_diffusion"},
            "motion": {"kind": "motion_diffusion"},
        },
        "generators": {"mine": {"kind": "cascade"}},
        "evaluation": {"extractors": {}},
    }
    seeds = {"generator_seeds": [0, 1, 2], "subjects": 40}
    jobs = count_jobs(study(**sampled, synthesis=seeds))
    assert jobs["synthesise_condition_sweep"] == 2 and jobs["synthesise_chunk"] == 2 * 3 * 3
    without = study(**sampled, synthesis=seeds | {"sweep": {"levels": 0}})
    assert "synthesise_condition_sweep" not in count_jobs(without)
    # 25 hearts beside three cohorts of 40
    sizes = [
        estimate_disk(one, {"p": 20})["synthetic"] for one in (study(**sampled, synthesis=seeds), without)
    ]
    assert sizes[0] / sizes[1] == pytest.approx(145 / 120)


def test_hours_come_from_records_and_scale_with_iterations(tmp_path):
    record = {"kind": "segmentation", "configuration": "2d", "iterations": 100, "seconds": {"total": 36.0}}
    write_json(
        tmp_path
        / "other/tasks/segmentation/fold-0/arms/a/generator-seed-0/training-seed-0/model/training.json",
        record,
    )
    write_json(
        tmp_path / "other/models/m/fold-0/generator-seed-0/training.json",
        {"kind": "masked_autoencoder", "iterations": 10, "seconds": 7.2},
    )
    write_text(tmp_path / "other/benchmarks/harmonise/p.tsv", "s\th:m:s\n1800.0\t0:30:00\n")
    cost = estimate_cost(study(), count_subjects(study()), tmp_path)
    assert cost.hours["train_task"] == (pytest.approx(30 * 500 * 0.36 / 3600), 1)
    assert cost.hours["train_model"] == (pytest.approx(2 * 50 * 0.72 / 3600), 1)
    assert cost.hours["harmonise"] == (0.5, 1)
    assert "predict_test" not in cost.hours
    said = say_cost(study(), cost)
    assert "predict_test" in said and "time not recorded yet" in said and "1.5 h" in said
    # A record of this very study counts more than others'.
    write_text(tmp_path / "s/benchmarks/harmonise/p.tsv", "s\th:m:s\n3600.0\t1:00:00\n")
    assert estimate_cost(study(), None, tmp_path).hours["harmonise"] == (1.0, 1)


def test_disk_by_hand():
    parts = estimate_disk(study(), {"p": 20})
    voxels = 10 * 50 * 50
    # Two folds of 10 held out, 2 validating and 8 training subjects; three bytes a voxel in the stores.
    assert parts["stores"] == pytest.approx(2 * 10 * voxels * 8 * 3)
    per_voxel = parts["training sets of the arms"] / voxels
    real, plus = 2 * 2 + 8 * 2, 2 * 2 + 8 * 4
    assert per_voxel == pytest.approx(2 * (real + 2 * plus + 2 * plus) * 9.8)
    assert "synthetic" not in parts
    abroad = study(
        datasets={
            "p": {"layout": "acdc", "vendor": "A", "phantom": {"subjects": 20}},
            "q": {"layout": "mnms", "phantom": {"subjects": 10, "vendors": ["B", "C"]}},
        },
        split={"scheme": "cross_vendor", "train_vendors": ["A"], "folds": 2, "validation_fraction": 0.2},
    )
    assert estimate_disk(abroad, {"p": 20, "q": 10})["stores"] == parts["stores"]
    assert estimate_disk(abroad, {"p": 20, "q": 10})["cohorts"] == pytest.approx(1.5 * parts["cohorts"])


def test_disk_counts_what_is_trained_on_and_no_more():
    """A dataset that stands in for synthetic subjects trains nothing; a baseline has a training set of real patients."""
    parts = estimate_disk(study(), {"p": 20})
    beside = study(
        datasets={
            "p": {"layout": "acdc", "vendor": "A", "phantom": {"subjects": 20}},
            "q": {"layout": "acdc", "vendor": "A", "phantom": {"subjects": 10}, "split": False},
        },
        generators={"mine": {"kind": "real", "dataset": "q"}},
    )
    found = estimate_disk(beside, {"p": 20, "q": 10})
    assert found["cohorts"] == pytest.approx(1.5 * parts["cohorts"])
    for part in ("stores", "training sets of the arms"):
        assert found[part] == pytest.approx(parts[part])
    segmentation = study().tasks["segmentation"].model_dump(mode="json")
    both = study(tasks={"segmentation": segmentation, "baseline": {**segmentation, "arms": "real"}})
    # Of each fold 2 validating and 8 training patients, ED and ES of each.
    added = estimate_disk(both, {"p": 20})["training sets of the arms"] - parts["training sets of the arms"]
    assert added == pytest.approx(2 * (2 * 2 + 8 * 2) * 10 * 50 * 50 * 9.8)


def test_the_command_line_says_it(tmp_path, capsys):
    assert main(["cost", str(STUDIES / "tiny.yaml"), "--results", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "tiny: trainings of 4 models and 6 tasks, 1 synthetic cohort" in said and "disk: about" in said
    assert main(["cost", str(tmp_path / "no.yaml")]) == 1
    assert "not a readable YAML file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "record", ["", '{"kind": "masked_au', "{}", "[]", '{"kind": "x", "iterations": null, "seconds": 1}']
)
@pytest.mark.parametrize(
    "times", ["", "s\th:m:s\n", "s\th:m:s\n-\tNA\n", "s\th:m:s\nNA\t-\n", "s\n-3600.5\n", "h\n1\n"]
)
def test_a_broken_record_of_another_study_is_left_out_and_named(tmp_path, caplog, record, times):
    trained = "models/m/fold-0/generator-seed-0/training.json"
    write_text(tmp_path / f"broken/{trained}", record)
    write_json(
        tmp_path / f"whole/{trained}", {"kind": "masked_autoencoder", "iterations": 10, "seconds": 7.2}
    )
    write_text(tmp_path / "broken/benchmarks/harmonise/p.tsv", times)
    write_text(tmp_path / "whole/benchmarks/harmonise/p.tsv", "s\th:m:s\n1800.0\t0:30:00\n")
    cost = estimate_cost(study(), count_subjects(study()), tmp_path)
    assert cost.hours["train_model"] == (pytest.approx(2 * 50 * 0.72 / 3600), 1)
    assert cost.hours["harmonise"] == (0.5, 1)
    named = [message for message in caplog.messages if "left out of the estimate" in message]
    assert len(named) == 2 and all("broken" in message and "\n" not in message for message in named)
