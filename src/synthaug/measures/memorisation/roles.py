"""Roles of the real subjects in an audit of memorisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from synthaug.data.splits import held_out_at_home, subjects_of


@dataclass(frozen=True)
class Roles:
    """Real subjects of a fold, by what they are in an audit.

    Attributes
    ----------
    train : sequence of str
        Training subjects of the fold; what a generator of the study was trained on.
    held_out : sequence of str
        Subjects of the same scanners who neither train nor validate. They are judged like synthetic ones: about
        5 % of them should be flagged. May be empty.
    validation : sequence of str
        Subjects of the same scanners who validate. They set the threshold where they are 20 or more, and are
        judged like those held out where they are fewer.
    """

    train: Sequence[str]
    held_out: Sequence[str] = ()
    validation: Sequence[str] = ()


def audit_roles(split: pd.DataFrame) -> Roles:
    """Roles of a fold's real subjects in both audits.

    Parameters
    ----------
    split : DataFrame
        One fold's table (`synthaug.data.splits.read_split`).
    """
    validation = subjects_of(split, "validation")
    held_out = [subject for subject in held_out_at_home(split) if subject not in validation]
    return Roles(subjects_of(split, "train"), held_out, validation)
