"""Synthetic volumes that exist: a folder that is a cohort already, whoever made it."""

from __future__ import annotations

from pathlib import Path

from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort


def open_synthetic(folder: str | Path) -> Cohort:
    """Open a cohort of synthetic subjects.

    Raises
    ------
    SynthaugError
        The folder is not a cohort, or one of real subjects.
    """
    folder = Path(folder)
    cohort = Cohort.open(folder)
    if cohort.kind != "synthetic":
        raise SynthaugError(
            f"{folder / 'cohort.json'}: kind is {cohort.kind!r}; a generator's folder must say 'synthetic'"
        )
    return cohort
