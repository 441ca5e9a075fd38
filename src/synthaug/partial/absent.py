"""Result files that a study declares and does not have, each with the reason as far as it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from synthaug.config.arms import Arm
from synthaug.config.study import StudySettings
from synthaug.metric_registry import columns_of
from synthaug.runs import ArmRun, ListedRun, arm_runs, arms_of_task, measure_files, score_files
from synthaug.tables import Row

#: Metric of the row that stands for a file about a generator or an autoencoder.
ABSENT_RESULT = "absent_result"


class Absent(NamedTuple):
    """A row file that does not exist.

    Attributes
    ----------
    file : str
        Its path in the study's results.
    reason : str
        How far its run came, and where its log is.
    run : ArmRun or None
        The training whose scores it would have; None of a file about generators.
    """

    file: str
    reason: str
    run: ArmRun | None = None


def absent_results(study: StudySettings, results: Path) -> list[Absent]:
    """All row files of a study that its folder lacks, trainings of arms first."""
    scores = [
        Absent(file, _how_far(study, run, results), run)
        for run, file in zip(arm_runs(study), score_files(study), strict=True)
        if not (results / file).is_file()
    ]
    measures = [
        Absent(file, "not measured: it, or what it needs, failed or was not run")
        for file in measure_files(study)
        if not (results / file).is_file()
    ]
    return scores + measures


def _how_far(study: StudySettings, run: ArmRun, results: Path) -> str:
    """The step of a training that failed, from what it left."""
    stem, seeded = run.stem, run.stem.rpartition("_training-seed-")[0]
    arm, validates = seeded.removeprefix(f"{run.task}_"), study.tasks[run.task].validates
    folder, fold = results / run.folder, f"{run.task}_fold-{run.fold}"
    steps = (
        (results / run.subjects, "training subjects not chosen", f"choose_training_subjects/{arm}"),
        (results / f"tasks/{run.task}/fold-{run.fold}/plan", "task not planned", f"plan_task/{fold}"),
        (folder.parent / "training-set", "training set not written", f"write_training_set/{seeded}"),
        (folder / "model", "not trained", f"train_task/{stem}"),
        *([(folder / "validation", "not validated", f"validate_task/{stem}")] if validates else []),
        (folder / "predictions", "test patients not predicted", f"predict_test/{stem}"),
        (results / f"rows/scores/{stem}.tsv", "not scored", f"score_predictions/{stem}"),
    )
    problem, log = next((problem, log) for made, problem, log in steps if not made.exists())
    said = results / f"logs/{log}.log"
    return f"{problem}; see {said}" if said.is_file() else f"{problem}: not run"


def failed_rows(study: StudySettings, absent: Sequence[Absent]) -> Iterator[Row]:
    """A row of status failed for each absent file.

    Of a training it has the task's primary metric and names arm, fold and seeds; of another file its path is the
    `target` of a row `ABSENT_RESULT`.
    """
    arms = {task: arms_of_task(study, task) for task in study.tasks}
    for missing in absent:
        run, status = missing.run, {"status": "failed", "note": missing.reason}
        if run is None:
            yield {**columns_of(ABSENT_RESULT), "target": missing.file, **status}
            continue
        arm: Arm = arms[run.task][run.arm]
        yield {
            **columns_of(study.tasks[run.task].primary_metric),
            "task": run.task,
            "arm": arm.name,
            "generator": arm.generator,
            "dose": arm.dose,
            "fold": run.fold,
            "generator_seed": run.generator_seed if arm.generator else None,
            "training_seed": run.training_seed,
            **status,
        }


#: Files without which a run of a kind is left out; of what else is absent the run goes without.
_NEEDED = {
    "dataset": ("cohort",),
    "split": ("split",),
    "synthetic": ("cohort",),
    "sweep": ("cohort", "measured", "ranges"),
    "map": ("points",),
    "model": ("record", "history"),
    "arm": ("record", "history"),
}


def present_runs(runs: Iterator[ListedRun], base: Path) -> Iterator[ListedRun]:
    """The runs whose files exist.

    Parameters
    ----------
    runs : iterator of ListedRun
        `synthaug.runs.list_runs`.
    base : Path
        Folder that the paths of the runs begin at, in which Snakemake was called.

    Yields
    ------
    ListedRun
        With paths from `base` on, and None for a file that does not exist.
    """
    for run in runs:
        places = {name: base / place for name, place in run._asdict().items() if isinstance(place, Path)}
        found = ListedRun(
            **{**run._asdict(), **{name: place if place.exists() else None for name, place in places.items()}}
        )
        if all(getattr(found, name) is not None for name in _NEEDED[run.kind]):
            yield found
