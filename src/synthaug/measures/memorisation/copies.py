"""Synthetic subjects that are copies of training patients: refused, dropped or kept."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from synthaug.config.synthesis import CopySettings
from synthaug.core.artifacts import read_tsv
from synthaug.core.errors import SynthaugError

_NAMED = 3  # pairs that an error names


def read_pairs(path: str | Path) -> pd.DataFrame:
    """Read the pairs of an audit: subject, training_subject, similarity, copy; most similar first."""
    pairs = read_tsv(path, ("subject", "training_subject"))
    return pairs.assign(copy=pairs["copy"].astype(bool))


def refused_copies(pairs: pd.DataFrame, settings: CopySettings, cohort: str) -> list[str]:
    """Synthetic subjects that no arm may take.

    Parameters
    ----------
    pairs : DataFrame
        Of the audit of the cohort.
    settings : CopySettings
        `keep` refuses no subject.
    cohort : str
        What to call the cohort.

    Raises
    ------
    SynthaugError
        The audit could not judge, or more are copies than `stop` allows; the message names the most similar.
    """
    if settings.action == "keep":
        return []
    if pairs.empty:
        raise SynthaugError(
            f"{cohort}: no subject could be judged as a copy, because the training subjects are too few; "
            "set synthesis.copies.action: keep or train on more"
        )
    copies = pairs[pairs["copy"]]
    if settings.action == "drop":
        return [str(subject) for subject in copies["subject"]]
    if len(copies) > settings.maximum * len(pairs):
        named = "; ".join(
            f"{row.subject} is similar to {row.training_subject} ({row.similarity:.2f})"
            for row in copies.head(_NAMED).itertuples()
        )
        raise SynthaugError(
            f"{cohort}: {len(copies)} of {len(pairs)} synthetic subjects are copies of training patients, "
            f"{settings.maximum:.0%} are allowed: {named}; train the generator on more patients or for less long, "
            "or loosen synthesis.copies"
        )
    return []
