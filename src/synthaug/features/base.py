"""What extraction asks of an extractor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from synthaug.core.errors import SynthaugError


class ExtractorAbsent(SynthaugError):
    """An extractor's weights are not there; distances get this as their status, never another extractor."""


class Extractor(Protocol):
    """A network that describes a cine by feature vectors.

    Attributes
    ----------
    id : str
        Architecture, hash of the weights, preprocessing: equal ids give equal features.
    seen : tuple of str
        Ids of the subjects the network was trained on; empty where they are none of the study's.
    whiten : bool
        Whether distances are measured along the principal axes of the real training features, each
        scaled to unit variance (`synthaug.measures.subject_distances.fit_whitening`).
    """

    id: str
    seen: tuple[str, ...]
    whiten: bool

    def extract(self, cine: np.ndarray) -> dict[str, np.ndarray]:
        """Features of one cine.

        Parameters
        ----------
        cine : ndarray, shape (t, z, y, x)
            Intensities in [0, 1].

        Returns
        -------
        dict of str to ndarray
            Any of ``"frames"`` (t * z, d): each image; ``"temporal"`` (z, d): each slice through
            time; ``"spatial"`` (t, d): each frame through the slices.
        """
        ...


@runtime_checkable
class TextExtractor(Protocol):
    """An extractor whose network also describes text, in the same space."""

    def describe(self, subject: Mapping[str, Any]) -> np.ndarray | None:
        """Feature (d,) of the sentence that says what a subject, a row of its cohort's table, shows.

        None where the table does not say what the sentence needs.
        """
        ...
