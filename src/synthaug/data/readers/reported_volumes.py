"""Volumes that a dataset reports of its subjects, where it has no labels to measure them on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from synthaug.data.readers.base import RawSubject


@dataclass(frozen=True)
class ReportedSubject(RawSubject):
    """A subject with reported volumes.

    Attributes
    ----------
    reported : mapping of str to float
        Further columns of the cohort's table: ``reported_edv_ml`` and ``reported_esv_ml``, volumes of the LV in mL.
    """

    reported: Mapping[str, float] = field(default_factory=dict)
