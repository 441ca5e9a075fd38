"""A study of diagnosis and phenotypes: which jobs it has, and that phenotypes are measured for who reads them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml
from checkout import Checkout, copy_repository
from tiny_tasks import CLASSES, SIZES

pytestmark = pytest.mark.workflow
STUDY = "config/studies/image-tasks.yaml"
TASKS = {
    "diagnosis": {"kind": "classification", "classes": CLASSES, **SIZES},
    "phenotypes": {"kind": "regression", "synthetic": "labelled", **SIZES},
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the repository with the tiny study, other patients instead of a generator, and both tasks."""
    copy = copy_repository(tmp_path_factory.mktemp("image-tasks") / "repository")
    study = yaml.safe_load((copy.root / "config" / "studies" / "tiny.yaml").read_text())
    lent = {**study["datasets"]["phantom-a"], "split": False}
    lent["phantom"] = {**lent["phantom"], "seed": 3, "unlabelled": 0.0}
    study |= {
        "name": "image-tasks",
        "datasets": {**study["datasets"], "lent": lent},
        "models": {},
        "generators": {"others": {"kind": "real", "dataset": "lent"}},
        "arms": {"real": {}, "real-plus": {"generator": "others", "dose": 0.5, "controls": ["classical"]}},
        "tasks": TASKS,
        "evaluation": {"extractors": {}, "replicates": 100, "permutations": 999},
    }
    (copy.root / STUDY).write_text(yaml.safe_dump(study))
    return copy


def test_phenotypes_are_measured_for_the_task_that_reads_them(checkout: Checkout) -> None:
    jobs = checkout.would_run(STUDY, "--", "train_tasks_all")
    assert jobs["plan_task"] == 2 and jobs["train_task"] == jobs["predict_test"] == 6
    # Of both datasets of the split and of the synthetic subjects, which alone come from the dataset that is lent.
    assert jobs["measure_phenotypes"] == 2 and jobs["measure_synthetic_phenotypes"] == 1
    study = yaml.safe_load((checkout.root / STUDY).read_text())
    study["tasks"] = {"diagnosis": TASKS["diagnosis"]}
    alone = checkout.root / "config" / "studies" / "diagnosis.yaml"
    alone.write_text(yaml.safe_dump(study))
    jobs = checkout.would_run("config/studies/diagnosis.yaml", "--", "train_tasks_all")
    assert not any("phenotypes" in rule for rule in jobs)


def test_both_tasks_are_scored(checkout: Checkout) -> None:
    run = "real-plus_fold-0_generator-seed-0_training-seed-0.tsv"
    files = [f"results/image-tasks/rows/scores/{task}_{run}" for task in TASKS]
    checkout.run(STUDY, *files)
    rows = {
        task: pd.read_csv(checkout.root / file, sep="\t") for task, file in zip(TASKS, files, strict=True)
    }
    assert set(rows["diagnosis"]["metric"]) == {"accuracy", "brier", "class_probability"}
    assert set(rows["diagnosis"]["target"].dropna()) == set(CLASSES)
    assert {"absolute_error_sd", "phenotype_error"} <= set(rows["phenotypes"]["metric"])
    assert rows["phenotypes"]["value"].notna().any() and rows["phenotypes"]["role"].notna().all()
    assert Path(checkout.root / "results/image-tasks/phenotypes/phantom-a.tsv").is_file()
