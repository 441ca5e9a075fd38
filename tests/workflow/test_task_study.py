"""A study of three tasks without a segmenter, one from outside the package, from raw data to its report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from checkout import Checkout, copy_repository
from tiny_tasks import CLASSES, SIZES

pytestmark = pytest.mark.workflow
STUDY = "config/studies/volumes.yaml"
TASK = {
    "kind": "plugin",
    "class": "volume_regression:VolumeRegression",
    "options": {"ridge": 0.5},
    "training_seeds": [0],
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the repository with the task's file beside the Snakefile, and a study of it without a generator to train."""
    copy = copy_repository(tmp_path_factory.mktemp("another") / "repository")
    shutil.copy(Path(__file__).parents[1] / "helpers" / "volume_regression.py", copy.root)
    study = yaml.safe_load((copy.root / "config" / "studies" / "tiny.yaml").read_text())
    study |= {
        "name": "volumes",
        "models": {},
        "generators": {"others": {"kind": "real", "dataset": "phantom-a"}},
        "arms": {
            "real": {},
            "real-plus": {"generator": "others", "dose": 0.5, "controls": ["repeated", "classical"]},
        },
        "tasks": {
            "volumes": TASK,
            "diagnosis": {"kind": "classification", "classes": CLASSES, **SIZES},
            "phenotypes": {"kind": "regression", "arms": "real", **SIZES},
        },
        "evaluation": {"extractors": {}, "replicates": 100, "permutations": 999},
    }
    (copy.root / STUDY).write_text(yaml.safe_dump(study, sort_keys=False))
    return copy


def test_nothing_asks_for_a_segmenter(checkout: Checkout) -> None:
    jobs = checkout.would_run(STUDY)
    # 2 arms and 2 controls of two tasks, and the real arm of the third.
    assert jobs["train_task"] == jobs["score_predictions"] == jobs["write_training_set"] == 9
    assert jobs["plan_task"] == 3 and jobs["choose_training_subjects"] == 4
    assert jobs["measure_phenotypes"] == 2 and "measure_synthetic_phenotypes" not in jobs
    assert not {"validate_task", "predict_synthetic", "predict_validation", "measure_controllability"} & set(
        jobs
    )
    # The network looks at the cines itself; a forest would need what a segmenter measures.
    assert jobs["predict_synthetic_diagnosis"] == jobs["measure_recovery"] == 1
    assert "predict_from_segmentation" not in jobs


def test_what_needs_a_segmenter_says_so(checkout: Checkout) -> None:
    pseudo = json.dumps({"theirs": {"kind": "external", "folder": "/x", "labels": "pseudo"}})
    done = checkout.run(STUDY, "--dry-run", "--config", f"generators={pseudo}", check=False)
    assert "pseudo labels need a task of kind segmentation" in done.stdout + done.stderr


def test_the_study_runs_to_its_report(checkout: Checkout) -> None:
    checkout.run(STUDY)
    results = checkout.root / "results" / "volumes"
    page = (results / "report.html").read_text()
    assert "real-plus" in page and "Training sets of diagnosis" in page
    assert "Confusion: share of a true class" in page and "R², mean over phenotypes" in page
    subjects = pd.read_csv(results / "arms/real-plus-repeated/fold-0/generator-seed-0/subjects.tsv", sep="\t")
    counted = subjects.groupby(["role", "source"]).size()
    assert counted["train", "repeated"] == counted["matched", "synthetic"] < counted["train", "real"]
    comparisons = pd.read_csv(results / "rows" / "comparisons.tsv", sep="\t")
    differences = comparisons[comparisons["metric"] == "edv_error_ml_difference"]
    assert (differences["status"] == "ok").all()
    assert set(comparisons.loc[comparisons["metric"] == "accuracy_mean", "arm"]) == {
        *("real", "real-plus", "real-plus-repeated", "real-plus-classical")
    }
    assert set(comparisons.loc[comparisons["metric"] == "r2", "arm"]) == {"real"}
    # The generator's subjects are patients whom the classifier was trained on: only the upper reference is measured.
    (file,) = (results / "rows" / "recovery").glob("*.tsv")
    recovery = pd.read_csv(file, sep="\t").set_index("metric")
    assert (
        recovery.loc["diagnosis_recovery", "note"]
        == "the subjects are real patients whom the classifier was trained on"
    )
    assert (recovery.loc[["diagnosis_recovery_real"], "status"] == "ok").all()
    assert "Recovery of what was requested" in page
    assert checkout.would_run(STUDY) == {}
