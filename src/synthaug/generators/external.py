"""Synthetic volumes that exist: a folder that is a cohort already, whoever made it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort


def open_synthetic(folders: Sequence[str | Path]) -> Cohort:
    """Open a cohort of synthetic subjects, in one folder or in pieces.

    Raises
    ------
    SynthaugError
        A folder is not a cohort, or one of real subjects.
    """
    cohort = Cohort.open_all(folders)
    if cohort.kind != "synthetic":
        raise SynthaugError(
            f"{Path(folders[0], 'cohort.json')}: kind is {cohort.kind!r}; a generator's folder must say 'synthetic'"
        )
    return cohort
