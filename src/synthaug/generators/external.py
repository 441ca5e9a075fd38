"""Synthetic volumes that somebody else made: a folder that is a cohort already."""

from __future__ import annotations

from pathlib import Path

from synthaug.cohort import Cohort
from synthaug.config.generators import ExternalSettings
from synthaug.errors import SynthaugError


def open_external(settings: ExternalSettings) -> Cohort:
    """Open the folder; it cannot be sampled, only read.

    Raises
    ------
    SynthaugError
        The folder is not a cohort, or one of real subjects.
    """
    folder = Path(settings.folder)
    cohort = Cohort.open(folder)
    if cohort.kind != "synthetic":
        raise SynthaugError(
            f"{folder / 'cohort.json'}: kind is {cohort.kind!r}; a generator's folder must say 'synthetic'"
        )
    return cohort
