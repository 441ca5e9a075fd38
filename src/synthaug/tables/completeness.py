"""Whether all that a study planned stands among its rows: every arm, control, fold and seed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence

import pandas as pd

from synthaug.config.arms import Arm, comparisons_of
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split
from synthaug.runs import ListedRun

_RUN = ("fold", "generator_seed", "training_seed")
_TRAINING = ["arm", "generator_seed", "training_seed"]
#: What a training says of a patient by one metric.
_PLACE = ["subject", "structure", "phase", "target"]


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
        others of its fold did or lacks rows of them by a metric that it scores, and each comparison that is missing.
        Rows of any status count: a training that failed and says so in rows is not missing.
    """
    trainings = [run for run in runs if run.kind == "arm"]
    faults = [
        *_missing_runs(rows, arms, trainings),
        *_unequal_patients(rows),
        *_unequal_rows(rows),
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


def check_roles(rows: pd.DataFrame, runs: Iterable[ListedRun]) -> None:
    """Refuse a split that is not the one that patients were scored by.

    Parameters
    ----------
    rows : DataFrame
        All result rows of the study.
    runs : iterable of ListedRun
        What the study runs; those with a split count.

    Raises
    ------
    SynthaugError
        A scored patient has another role in the split of its fold than in its rows, or none.
    """
    told = _scored(rows).dropna(subset=["role"]).drop_duplicates(["fold", "subject", "role"])
    for run in (run for run in runs if run.split):
        roles = read_split(str(run.split)).set_index("subject")["role"]
        here = told[told["fold"] == run.fold]
        other = here[here["subject"].map(roles).fillna("") != here["role"]]
        if len(other):
            subject, role = other[["subject", "role"]].iloc[0]
            raise SynthaugError(
                f"{run.split}: {len(other)} scored patients have another role in their rows ({subject}: {role}, ...); "
                "remove it and run again"
            )


def _scored(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of patients that trainings of arms were scored on."""
    return rows[rows["subject"].notna() & rows["training_seed"].notna() & rows["arm"].notna()]


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
    for (task, fold), here in _scored(rows).groupby(["task", "fold"], dropna=False):
        everyone = set(here["subject"])
        for run, own in here.groupby(_TRAINING, dropna=False):
            lacking = sorted(everyone - set(own["subject"]))
            if lacking and not own["status"].eq("failed").all():
                yield (
                    f"task {task}: {_training(fold, run)} did not score {len(lacking)} of {len(everyone)} patients "
                    f"({lacking[0]}, ...); score it again"
                )


def _unequal_rows(rows: pd.DataFrame) -> Iterator[str]:
    """Trainings that score a patient by a metric, but not in all places (structure, phase) where others do."""
    for (task, fold, metric), here in _scored(rows).groupby(["task", "fold", "metric"], dropna=False):
        trainings = here.groupby(_TRAINING, dropna=False)
        counts = trainings.ngroup().groupby(here.groupby(_PLACE, dropna=False).ngroup()).nunique()
        if (counts == trainings.ngroups).all():
            continue
        places = {
            training: set(own[_PLACE].fillna("").itertuples(index=False, name=None))
            for training, own in trainings
            if not own["status"].eq("failed").all()
        }
        everywhere = set().union(*places.values())
        for training, found in places.items():
            subjects = {place[0] for place in found}
            lacking = sorted(place for place in everywhere - found if place[0] in subjects)
            if lacking:
                yield (
                    f"task {task}: {_training(fold, training)} lacks {len(lacking)} of {len(everywhere)} rows of {metric} "
                    f"({', '.join(filter(None, lacking[0]))}, ...); score it again"
                )


def _training(fold: Hashable, training: Hashable) -> str:
    arm, generator_seed, training_seed = pd.Series(training).astype(object)
    drawn = "" if pd.isna(generator_seed) else f"generator seed {generator_seed:g}, "
    return f"arm {arm}: fold {fold:g}, {drawn}training seed {training_seed:g}"


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
