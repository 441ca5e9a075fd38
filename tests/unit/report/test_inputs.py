"""From the list of runs to what the sections of the report read."""

from __future__ import annotations

from pathlib import Path

from synthaug.report.inputs import SweepRun, report_inputs
from synthaug.runs import ListedRun


def listed_arm(name: str, generator_seed: int, task: str = "segmentation") -> ListedRun:
    return ListedRun("arm", name, task, None, 0, generator_seed, 7, record=Path(name))


def test_each_run_keeps_its_own_files():
    runs = [
        ListedRun("dataset", "mine", cohort=Path("mine")),
        ListedRun("dataset", "aside", cohort=Path("aside")),
        ListedRun("split", fold=1, split=Path("one.tsv")),
        ListedRun("synthetic", "g", fold=1, generator_seed=2, cohort=Path("c"), pairs=Path("p.tsv")),
        ListedRun("sweep", "g", None, None, 1, 2, None, Path("s"), None, Path("m"), None, Path("r")),
        listed_arm("real", 2),
        listed_arm("plus", 2),
        listed_arm("plus", 3),
    ]
    inputs = report_inputs(runs, Path("v001"), {}, [], datasets=["mine"])
    assert inputs.cohorts == {"mine": Path("mine")} and inputs.splits == {1: Path("one.tsv")}
    (run,) = inputs.synthetic
    assert (run.generator_seed, run.pairs, run.rejections) == (2, Path("p.tsv"), Path("c/rejections.tsv"))
    assert inputs.sweeps == [SweepRun("g", 1, 2, Path("s"), Path("m"), Path("r"))]
    # Only an arm that has several generator seeds names the one of each training.
    names = [run.name for run in inputs.segmenters]
    assert names == ["real", "plus, generator seed 2", "plus, generator seed 3"]
    assert {run.training_seed for run in inputs.segmenters} == {7}


def test_trainings_of_several_tasks_name_their_task():
    runs = [listed_arm("real", 2), listed_arm("real", 2, "diagnosis")]
    inputs = report_inputs(runs, Path("v001"), {}, [], datasets=[])
    assert [run.name for run in inputs.segmenters] == ["segmentation: real", "diagnosis: real"]
