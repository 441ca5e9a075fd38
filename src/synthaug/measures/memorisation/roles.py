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
        Subjects of the same scanners who do not train: they validate or are tested. They are the new patients with
        whom synthetic subjects are compared. May be empty.

    Notes
    -----
    Validation subjects choose no weights: a training ends after its iterations, and its last averaged weights are
    kept. They are read once afterwards, by the reconstruction check, which stops a study and alters no model.
    """

    train: Sequence[str]
    held_out: Sequence[str] = ()


def audit_roles(split: pd.DataFrame) -> Roles:
    """Roles of a fold's real subjects in both audits.

    Parameters
    ----------
    split : DataFrame
        One fold's table (`synthaug.data.splits.read_split`).
    """
    return Roles(subjects_of(split, "train"), held_out_at_home(split))
