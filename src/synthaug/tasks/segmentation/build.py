"""From an arm of a study to its dataset: who is in it, what is added, what is recorded."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.config.arms import Arm
from synthaug.data.cohort import Cohort
from synthaug.data.splits import share_of_subjects, subjects_of
from synthaug.tasks.segmentation.arms import (
    count_cases,
    select_further,
    select_synthetic,
    write_raw_dataset,
)
from synthaug.tasks.segmentation.cases import Frames
from synthaug.tasks.segmentation.sampling import Sampling, read_record


def write_arm_dataset(
    folder: str | Path,
    arm: Arm,
    cohort: Cohort,
    split: pd.DataFrame,
    synthetic: Cohort | None = None,
    controlled: str | Path | None = None,
    frames: Frames = "ed_es",
    split_seed: int = 0,
    seed: int = 0,
    refused: Collection[str] = (),
) -> None:
    """Write the training set of one arm, declared or a control.

    Parameters
    ----------
    folder : path
        Receives the dataset; see `write_raw_dataset`.
    arm : Arm
        The arm.
    cohort : Cohort
        All real subjects of the study.
    split : DataFrame
        The fold's table.
    synthetic : Cohort, optional
        All synthetic subjects of the arm's generator; for an arm that adds some.
    controlled : path, optional
        Dataset of the arm that a control matches in size or in real exposure.
    frames : {"ed_es", "all"}
        Labelled frames of synthetic subjects that become cases.
    split_seed : int
        Seed of the order in which a share of the patients is taken.
    seed : int
        Seed of copies and damage.
    refused : collection of str
        Synthetic subjects that are not taken: copies of training patients (`synthaug.measures.memorisation.copies`).

    Raises
    ------
    SynthaugError
        A share is nobody, a dose asks for more than there is, or `write_raw_dataset` refuses.
    """
    fold = cohort.select(subjects_of(split, "train", labelled=True))
    real = share_of_subjects(fold, arm.real, split_seed, f"arms.{arm.name}.real") if arm.real else None
    added = further = None
    if arm.adds_synthetic and synthetic is not None:
        added = select_synthetic(synthetic, arm.dose, len((real or fold).subjects), refused)
    if arm.control == "extra-real" and real is not None:
        further = select_further(fold, real, arm.dose, split_seed, str(arm.control_of))
    copies = arm.control if arm.control in ("repeated", "classical") else None
    iterations_share = 1.0
    if arm.control == "exposure" and controlled is not None:
        iterations_share = read_record(controlled)["expected_real_share"]
    write_raw_dataset(
        folder,
        real=real,
        validation=cohort.select(subjects_of(split, "validation", labelled=True)),
        synthetic=added,
        control=copies,
        n_extra_cases=count_cases(controlled, "synthetic") if copies and controlled is not None else 0,
        frames=frames,
        held_out=subjects_of(split, "test"),
        seed=seed,
        further=further,
        damage=arm.damage,
        sampling=Sampling(arm.real_share, arm.pretrain, iterations_share),
        facts={
            "name": arm.name,
            "control": arm.control,
            "control_of": arm.control_of,
            "labelled_patients": len(real.subjects) if real is not None else 0,
            "generator_labelled_patients": labels_seen(added, split),
        },
    )


def labels_seen(synthetic: Cohort | None, split: pd.DataFrame) -> int | None:
    """Training patients whose labels a synthetic cohort's generator saw; None where nobody knows."""
    if synthetic is None or "seen" not in synthetic.meta:
        return None
    seen: Any = synthetic.meta["seen"]
    return len(set(seen) & set(subjects_of(split, "train", labelled=True)))
