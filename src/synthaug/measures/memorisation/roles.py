"""Roles of the real subjects in an audit of memorisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
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
        Patients of the same scanners who do not train: they validate or are tested. Of each the first visit with such a
        role. They are the new patients with whom synthetic subjects are compared. May be empty.
    patients : sequence of str
        Patient of each training subject; empty where each is one.

    Notes
    -----
    Validation subjects choose no weights: a training ends after its iterations, and its last averaged weights are
    kept. They are read once afterwards, by the reconstruction check, which stops a study and alters no model.
    """

    train: Sequence[str]
    held_out: Sequence[str] = ()
    patients: Sequence[str] = ()

    @property
    def units(self) -> np.ndarray:
        """Number of the patient of each training subject, (n_train,), from 0 in the order of first visits."""
        return np.asarray(pd.factorize(np.array(self.patients or self.train, dtype=object))[0])

    @property
    def first_visits(self) -> np.ndarray:
        """Indices of the first visit of each training patient: what is exchangeable with a held-out patient."""
        return np.unique(self.units, return_index=True)[1]


def audit_roles(split: pd.DataFrame) -> Roles:
    """Roles of a fold's real subjects in both audits.

    Parameters
    ----------
    split : DataFrame
        One fold's table (`synthaug.data.splits.read_split`).
    """
    train, patient_of = subjects_of(split, "train"), split.set_index("subject")["patient"]
    # The first visit that is held out: an earlier one without labels is unused.
    held_out = patient_of[held_out_at_home(split)].drop_duplicates()
    return Roles(train, [str(subject) for subject in held_out.index], list(patient_of[train]))
