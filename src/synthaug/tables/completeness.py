"""Whether all that a study planned stands among its rows: every arm, control, fold and seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from synthaug.config.arms import Arm, comparisons_of
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split
from synthaug.runs import ListedRun

_RUN = ("fold", "generator_seed", "training_seed")


def check_complete(rows: pd.DataFrame, arms: Sequence[Arm], runs: Iterable[ListedRun]) -> None:
    """Refuse rows in which an arm, a control or one of its trainings is missing without a row of status failed.

    Parameters
    ----------
    rows : DataFrame
        All result rows of the study (`synthaug.tables.schema.read_rows`).
    arms : sequence of Arm
        All arms, controls included.
    runs : iterable of ListedRun
        What the study runs (`synthaug.runs.list_runs`); the trainings of arms count. Rows of real patients
        alone have no generator seed.

    Raises
    ------
    SynthaugError
        One line for each training that left no row, each that did not score the patients that the
        others of its fold did, and each comparison that is missing. Rows of any status count: a
        training that failed and says so in rows is not missing.
    """
    trainings = [run for run in runs if run.kind == "arm"]
    faults = [
        *_missing_runs(rows, arms, trainings),
        *_unequal_patients(rows),
        *_missing_comparisons(rows, arms, trainings),
    ]
    if faults:
        raise SynthaugError("\n".join(faults))


def check_splits(runs: Iterable[ListedRun]) -> None:
    """Refuse a split in which a subject of its cohorts has no role: it would be neither trained on nor scored.

    Parameters
    ----------
    runs : iterable of ListedRun
        What the study runs; those with a dataset or a split count.

    Raises
    ------
    SynthaugError
        A split lacks subjects of a cohort that it divides.
    """
    runs = list(runs)
    cohorts = {run.name: run.cohort for run in runs if run.kind == "dataset" and run.cohort}
    for path in (run.split for run in runs if run.split):
        split = read_split(path)
        for dataset in split["dataset"].unique():
            subjects = set(Cohort.open(cohorts[dataset]).subjects) if dataset in cohorts else set()
            lacking = sorted(subjects - set(split["subject"]))
            if lacking:
                raise SynthaugError(
                    f"{path}: lacks {len(lacking)} of {len(subjects)} subjects of {dataset} ({lacking[0]}, ...); remove it "
                    "and run again"
                )


def _missing_runs(rows: pd.DataFrame, arms: Sequence[Arm], runs: Sequence[ListedRun]) -> Iterator[str]:
    about = ["task", "arm", *_RUN]
    scored = rows.loc[rows["training_seed"].notna() & rows["arm"].notna(), about].drop_duplicates()
    found = {tuple(None if pd.isna(part) else part for part in run) for run in scored.itertuples(index=False)}
    for task in dict.fromkeys(run.task for run in runs):
        for arm in arms:
            planned = [
                (task, arm.name, run.fold, run.generator_seed if arm.generator else None, run.training_seed)
                for run in runs
                if run.task == task and run.name == arm.name
            ]
            missing = [run for run in planned if run not in found]
            role = f"control of {', '.join(arm.control_of)}" if arm.control else "arm"
            place = f"task {task}: arm {arm.name} ({role})"
            if missing and len(missing) == len(planned):
                yield f"{place}: has no row at all; train and score it, or take it out of the study"
                continue
            for *_, fold, generator_seed, training_seed in missing:
                drawn = "" if generator_seed is None else f"generator seed {generator_seed}, "
                yield (
                    f"{place}: no row of fold {fold}, {drawn}training seed {training_seed}; "
                    "see the log of that training, run it again and score it"
                )


def _unequal_patients(rows: pd.DataFrame) -> Iterator[str]:
    scored = rows[rows["subject"].notna() & rows["training_seed"].notna() & rows["arm"].notna()]
    for (task, fold), here in scored.groupby(["task", "fold"], dropna=False):
        everyone = set(here["subject"])
        for run, own in here.groupby(["arm", "generator_seed", "training_seed"], dropna=False):
            lacking = sorted(everyone - set(own["subject"]))
            if lacking and not own["status"].eq("failed").all():
                arm, generator_seed, training_seed = pd.Series(run).astype(object)
                drawn = "" if pd.isna(generator_seed) else f"generator seed {generator_seed:g}, "
                yield (
                    f"task {task}: arm {arm}: fold {fold:g}, {drawn}training seed {training_seed:g} did not score "
                    f"{len(lacking)} of {len(everyone)} patients ({lacking[0]}, ...); score it again"
                )


def _missing_comparisons(rows: pd.DataFrame, arms: Sequence[Arm], runs: Sequence[ListedRun]) -> Iterator[str]:
    trained: dict[str | None, set[str | None]] = {}
    for run in runs:
        trained.setdefault(run.task, set()).add(run.name)
    differences = rows[
        rows["metric"].str.endswith("_difference")
        & ~rows["metric"].str.endswith("_gap_difference")
        & rows["versus"].notna()
    ]
    found = set(differences[["task", "arm", "versus"]].itertuples(index=False, name=None))
    for task, names in trained.items():
        for arm, other, is_control in comparisons_of([arm for arm in arms if arm.name in names]):
            if (task, arm.name, other.name) not in found:
                kind = "its control" if is_control else "real patients alone"
                yield (
                    f"task {task}: arm {arm.name}: not compared with {other.name} ({kind}); compare the arms again"
                )
