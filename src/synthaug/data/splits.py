"""Splits into training, validation and test: by patient, stratified by vendor and diagnosis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from synthaug.config.data import SplitSettings
from synthaug.core.artifacts import read_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort

COLUMNS = ("subject", "patient", "dataset", "vendor", "diagnosis", "labelled", "role")
#: Roles whose subjects are predicted and scored. `test_within` are the patients of the training vendors that are held out
#: beside a test on others. `train`, `validation` and `unused` are not scored; `unused` are subjects that may take no part,
#: so that nothing of a test patient or vendor leaks.
TESTED = ("test", "test_within")
_UNKNOWN = "unknown"


def make_splits(table: pd.DataFrame, settings: SplitSettings) -> list[pd.DataFrame]:
    """Assign every subject a role in every fold.

    All visits of a patient have the same role, or are unused. Subjects without labels only
    ever train (the generator learns from them); where their patient is held out they are
    unused. In `cross_vendor` the labelled subjects of the test vendors are `test` in every
    fold and their other subjects unused; so are those of unknown vendors, unless "unknown" is
    named. Labelled is who has label volumes or, with `annotation: diagnosis`, a diagnosis. In one fold a share of the training vendors' labelled patients is held out; with
    more folds each of them is, exactly once. With a `labelled_fraction` below 1 the other training
    patients count as not labelled in that fold; where the diagnosis is the label, theirs is unknown there.

    Parameters
    ----------
    table : DataFrame
        Rows of all cohorts: subject, dataset, vendor, diagnosis, labelled_frames, and patient
        where visits of one patient are several subjects.
    settings : SplitSettings
        Scheme, vendors, folds, shares, seed.

    Returns
    -------
    list of DataFrame
        One a fold, with `COLUMNS`, in the order of `table`.

    Raises
    ------
    SynthaugError
        A vendor or a declared patient that no subject has, or too few labelled patients for the roles.
    """
    subjects = _join_patients(_subjects(table, settings.annotation), settings.same_patient)
    test_vendors, train_vendors = _vendors(subjects, settings)
    of_test_vendor = subjects["vendor"].isin(test_vendors)
    test_vendor_patients = set(subjects.loc[of_test_vendor, "patient"])
    of_train_vendor = subjects["vendor"].isin(train_vendors) & ~subjects["patient"].isin(test_vendor_patients)
    candidates = subjects[of_train_vendor & subjects["labelled"]].drop_duplicates("patient")
    patients = _stratified_order(candidates, settings.seed)
    if settings.scheme == "cross_vendor" and not (of_test_vendor & subjects["labelled"]).any():
        names = ", ".join(sorted(test_vendors))
        raise SynthaugError(f"split: no labelled patient of vendor {names} to test on; see quarantine.tsv")
    held_out_role = "test_within" if settings.scheme == "cross_vendor" else "test"
    splits = []
    for fold in range(settings.folds):
        held_out, validation, training = _partition(patients, fold, settings)
        role = pd.Series("unused", index=subjects.index)
        role[of_test_vendor & subjects["labelled"]] = "test"
        in_training = ~subjects["patient"].isin({*held_out, *validation})
        role[of_train_vendor & in_training] = "train"
        role[of_train_vendor & subjects["labelled"] & subjects["patient"].isin(held_out)] = held_out_role
        role[of_train_vendor & subjects["labelled"] & subjects["patient"].isin(validation)] = "validation"
        assert set(training) <= set(subjects.loc[role == "train", "patient"])
        kept = share_of_patients(
            candidates[candidates["patient"].isin(training)],
            settings.labelled_fraction,
            settings.seed,
            "split.labelled_fraction",
        )
        labelled = subjects["labelled"] & ~((role == "train") & ~subjects["patient"].isin(kept))
        split = subjects.assign(role=role, labelled=labelled)
        if settings.annotation == "diagnosis":
            split["diagnosis"] = split["diagnosis"].where(labelled, _UNKNOWN)
        splits.append(split[list(COLUMNS)])
    return splits


def share_of_patients(patients: pd.DataFrame, share: float, seed: int, where: str) -> list[str]:
    """A stratified share of patients; a smaller share is part of a larger one.

    Parameters
    ----------
    patients : DataFrame
        Columns patient, vendor and diagnosis; of a patient with several rows the first counts.
    share : float
        Above 0, at most 1.
    seed : int
        Seed of the order in which they are taken.
    where : str
        Key of the study that the share comes from, for the message.

    Returns
    -------
    list of str
        ``round(share * n)`` patients.

    Raises
    ------
    SynthaugError
        The share is no patient at all.
    """
    order = _nested_order(patients, seed)
    count = round(share * len(order))
    if not count:
        least = f"{1 / len(order):.2g}" if order else "more patients"
        raise SynthaugError(
            f"config: {where}: {share:g} of {len(order)} patients is no patient; give at least {least}"
        )
    return order[:count]


def in_nested_order(cohort: Cohort, seed: int) -> list[str]:
    """Subjects by patient in the order in which shares are taken, all visits of a patient together."""
    subjects = _subjects(cohort.table)
    place = {patient: number for number, patient in enumerate(_nested_order(subjects, seed))}
    return subjects.sort_values("patient", key=lambda column: column.map(place), kind="stable")[
        "subject"
    ].tolist()


def share_of_subjects(cohort: Cohort, share: float, seed: int, where: str) -> Cohort:
    """The subjects of `share_of_patients`, all visits of a patient together, in the cohort's order."""
    if share == 1:
        return cohort
    subjects = _subjects(cohort.table)
    chosen = share_of_patients(subjects, share, seed, where)
    return cohort.select(subjects.loc[subjects["patient"].isin(chosen), "subject"].tolist())


def with_labels_of_split(cohort: Cohort, split: pd.DataFrame) -> Cohort:
    """The cohort as a fold may see it: without the labels, or diagnoses, that `split.labelled_fraction` withholds."""
    seen = cohort.without_labels(split.loc[~split["labelled"].astype(bool), "subject"].tolist())
    hidden = seen.table.index.isin(split.loc[split["diagnosis"] == _UNKNOWN, "subject"].tolist())
    return replace(seen, table=seen.table.assign(diagnosis=seen.table["diagnosis"].mask(hidden)))


def read_split(path: str | Path) -> pd.DataFrame:
    """Read one fold's table."""
    return read_tsv(path, ("subject", "patient", "dataset", "vendor", "diagnosis", "role"))


def subjects_of(split: pd.DataFrame, role: str, labelled: bool | None = None) -> list[str]:
    """Subjects with exactly this role; `all_tested` gives all that are scored.

    Parameters
    ----------
    split : DataFrame
        One fold's table.
    role : {"train", "validation", "test", "test_within", "unused"}
        The role.
    labelled : bool, optional
        Only subjects with labels, or only those without.
    """
    chosen = split["role"] == role
    if labelled is not None:
        chosen &= split["labelled"] == labelled
    return split.loc[chosen, "subject"].tolist()


def labelled_of_diagnosis(split: pd.DataFrame) -> dict[str, int]:
    """Number of labelled training subjects of each diagnosis, of a fold's table; a diagnosis without any is left out."""
    chosen = (split["role"] == "train") & split["labelled"]
    return {str(name): int(n) for name, n in split.loc[chosen, "diagnosis"].value_counts().items()}


def patients_in(split: pd.DataFrame) -> dict[str, str]:
    """Patient of each subject of a fold's table; those of `split.same_patient` are joined in it."""
    return dict(zip(split["subject"].astype(str), split["patient"].astype(str), strict=True))


def all_tested(split: pd.DataFrame) -> list[str]:
    """All subjects that are predicted and scored, of every role in `TESTED`: none of them may be seen in training."""
    return [str(subject) for subject in split.loc[split["role"].isin(TESTED), "subject"]]


def _subjects(table: pd.DataFrame, annotation: Literal["labels", "diagnosis"] = "labels") -> pd.DataFrame:
    subjects = table.reset_index(drop=True)
    annotated = {"labels": "labelled_frames", "diagnosis": "diagnosis"}[annotation]
    patient = subjects["patient"] if "patient" in subjects else pd.Series(pd.NA, index=subjects.index)
    return pd.DataFrame(
        {
            "subject": subjects["subject"].astype(str),
            "dataset": subjects["dataset"].astype(str),
            "vendor": subjects["vendor"].astype("string").fillna(_UNKNOWN).astype(str),
            "diagnosis": subjects["diagnosis"].astype("string").fillna(_UNKNOWN).astype(str),
            "labelled": subjects[annotated].notna(),
            "patient": patient.astype("string").fillna(subjects["subject"].astype("string")).astype(str),
        }
    )


def _join_patients(subjects: pd.DataFrame, groups: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Give all subjects of a declared group, and all visits of their patients, one patient."""
    patient = subjects.set_index("subject")["patient"]
    for group in groups:
        for subject in group:
            if subject not in patient.index:
                raise SynthaugError(
                    f"config: split.same_patient: no subject {subject}; ids are <dataset>-<id>, see subjects.tsv "
                    "and quarantine.tsv"
                )
        joined = patient[list(group)]
        patient = patient.where(~patient.isin(set(joined)), joined.iloc[0])
    return subjects.assign(patient=patient.to_numpy())


def _vendors(subjects: pd.DataFrame, settings: SplitSettings) -> tuple[set[str], set[str]]:
    known = set(subjects["vendor"])
    for key, vendors in (("train_vendors", settings.train_vendors), ("test_vendors", settings.test_vendors)):
        for vendor in vendors:
            if vendor not in known:
                there = ", ".join(sorted(known))
                raise SynthaugError(f"config: split.{key}: no subject has vendor {vendor}; there are {there}")
    if settings.scheme == "within_domain":
        return set(), set(settings.train_vendors) or known
    known.discard(_UNKNOWN)  # it may be the same scanner as those it would be kept apart from
    test = set(settings.test_vendors) or known - set(settings.train_vendors)
    return test, set(settings.train_vendors) or known - test


def _stratified_order(patients: pd.DataFrame, seed: int) -> list[str]:
    """Patients shuffled within strata of vendor and diagnosis, stratum after stratum.

    Every k-th of this list is a sample with the strata's proportions.
    """
    random = np.random.default_rng(seed)
    ordered: list[str] = []
    for _, stratum in patients.sort_values("patient").groupby(["vendor", "diagnosis"], sort=True):
        names = stratum["patient"].tolist()
        ordered += [names[index] for index in random.permutation(len(names))]
    return ordered


def _nested_order(patients: pd.DataFrame, seed: int) -> list[str]:
    """Patients in an order whose every beginning has about the proportions of the strata."""
    random = np.random.default_rng(seed)
    places: dict[str, float] = {}
    first = patients.drop_duplicates("patient").sort_values("patient")
    first = first.fillna({"vendor": _UNKNOWN, "diagnosis": _UNKNOWN})
    for _, stratum in first.groupby(["vendor", "diagnosis"], sort=True):
        # The members of each stratum are spread evenly over the list, from a start of its own.
        spread = (np.arange(len(stratum)) + random.uniform()) / len(stratum)
        places |= zip(random.permutation(stratum["patient"].to_numpy(str)).tolist(), spread, strict=True)
    return sorted(places, key=lambda patient: (places[patient], patient))


def _partition(
    patients: Sequence[str], fold: int, settings: SplitSettings
) -> tuple[list[str], list[str], list[str]]:
    """Held out, validation and training patients of one fold."""
    if settings.folds > 1:
        held_out = list(patients[fold :: settings.folds])
    else:
        held_out = _every_kth(patients, settings.test_fraction)
    rest = [patient for patient in patients if patient not in set(held_out)]
    validation = _every_kth(rest, settings.validation_fraction)
    training = [patient for patient in rest if patient not in set(validation)]
    if not (held_out and validation and training):
        raise SynthaugError(
            f"split: {len(patients)} labelled patients of the training vendors are too few for training, "
            f"validation and {settings.folds} held-out folds; add patients, or use fewer folds"
        )
    return held_out, validation, training


def _every_kth(patients: Sequence[str], share: float) -> list[str]:
    """An evenly spaced share of a list, at least one."""
    count = min(max(1, round(share * len(patients))), len(patients))
    return [patients[int((index + 0.5) * len(patients) / count)] for index in range(count)]


def held_out_at_home(split: pd.DataFrame) -> list[str]:
    """Real subjects of the training vendors who neither train nor are left out: what new patients look like."""
    vendors = set(split.loc[split["role"] == "train", "vendor"])
    held_out = split["role"].isin(["validation", *TESTED]) & split["vendor"].isin(vendors)
    return [str(subject) for subject in split.loc[held_out, "subject"]]
