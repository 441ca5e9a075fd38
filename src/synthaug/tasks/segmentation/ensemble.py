"""The networks of one training: of nnU-Net's configurations, and without one share of the real subjects each."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from synthaug.config.tasks import SegmentationSettings
from synthaug.core.artifacts import sha256_json
from synthaug.core.errors import SynthaugError
from synthaug.training.schedule import derive_seed


class Member(NamedTuple):
    """One network of a training.

    Attributes
    ----------
    configuration : str
        nnU-Net's configuration.
    fold, folds : int
        It does not see the real subjects of share `fold` of `folds`; all of them where `folds` is 1.
    """

    configuration: str
    fold: int = 0
    folds: int = 1

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.configuration}_fold-{self.fold}"

    def seed(self, training_seed: int) -> int:
        """Seed of its weights, sampling and augmentation: that of the training for the first."""
        return training_seed if not self.fold else derive_seed(training_seed, self.fold, 0) % 2**32


def members_of(settings: SegmentationSettings) -> list[Member]:
    """The networks of a training, in the order in which they are trained."""
    folds = settings.ensemble_folds
    return [Member(name, fold, folds) for name in settings.configurations for fold in range(folds)]


def cases_left_out(cases: pd.DataFrame, member: Member) -> list[str]:
    """Training cases that a network does not see: all of every `folds`-th real subject, its copies included.

    Parameters
    ----------
    cases : DataFrame
        From `synthaug.tasks.segmentation.cases.read_cases`.
    member : Member
        The network.

    Raises
    ------
    SynthaugError
        The arm has real subjects, but fewer than shares.
    """
    if member.folds == 1:
        return []
    training = cases[(cases["role"] == "train") & (cases["source"] != "synthetic")]
    subjects = sorted(training["subject"].unique())
    if 0 < len(subjects) < max(member.folds, 2):
        raise SynthaugError(
            f"tasks: ensemble_folds: {member.folds} shares of {len(subjects)} real training subjects; lower it"
        )
    left_out = subjects[member.fold :: member.folds]
    return training.loc[training["subject"].isin(left_out), "case"].tolist()


def hash_of_weights(records: dict[str, dict[str, Any]]) -> str:
    """SHA-256 of the hashes of all networks' weights; `records` are theirs, by name."""
    return sha256_json({name: record["weights_sha256"] for name, record in records.items()})
