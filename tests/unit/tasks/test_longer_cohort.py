"""A longer synthetic cohort gives an arm of the same dose the same training set, so that nothing is trained again."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.arm_cohorts import joined, split_of, subjects_of_arm
from helpers.made_hearts import made_cohort

from synthaug.config.arms import Arm
from synthaug.core.folder_checksums import CHECKSUMS, write_checksums
from synthaug.tasks import open_task
from synthaug.tasks.segmentation.plan import make_plan
from synthaug.tasks.segmentation.training_set import write_raw_dataset
from synthaug.tasks.training_subjects import choose_training_subjects

TASK = {"kind": "segmentation", "batch_size": 8, "base_features": 4}


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory):
    """Three patients, of whom one validates, their plan, and a cohort of two cines that was made longer by two."""
    root = tmp_path_factory.mktemp("longer")
    real, validation = made_cohort(root / "real", "real", 2), made_cohort(root / "checked", "checked", 1)
    write_raw_dataset(root / "arm", subjects_of_arm(real, validation))
    task = open_task(TASK)
    make_plan(root / "arm", root / "plan", task.settings)
    short, long = (made_cohort(root / f"made-{count}", "made", count, "synthetic") for count in (2, 4))
    return {"root": root, "task": task, "real": real, "validation": validation, "short": short, "long": long}


def training_set(cohorts, arm: Arm, synthetic: str) -> Path:
    real, validation = cohorts["real"], cohorts["validation"]
    split = split_of(dict.fromkeys(real.subjects, "train") | dict.fromkeys(validation.subjects, "validation"))
    training = choose_training_subjects(arm, joined(real, validation), split, cohorts[synthetic])
    output = cohorts["root"] / f"set-{arm.name}-{arm.dose}-{synthetic}"
    cohorts["task"].write_training_set(training, cohorts["root"] / "plan", output)
    write_checksums(output)
    return output / CHECKSUMS


@pytest.mark.parametrize(
    "arm",
    [
        Arm("plus", 1.0, "g", 1.0),
        Arm("plus-classical", 1.0, "g", 1.0, control="classical", control_of=("plus",)),
    ],
    ids=lambda arm: arm.name,
)
def test_an_arm_and_its_control_have_the_same_files(cohorts, arm):
    assert training_set(cohorts, arm, "short").read_text() == training_set(cohorts, arm, "long").read_text()


def test_a_larger_dose_has_others(cohorts):
    one, two = (training_set(cohorts, Arm("plus", 1.0, "g", dose), "long").read_text() for dose in (0.5, 2.0))
    assert one != two
