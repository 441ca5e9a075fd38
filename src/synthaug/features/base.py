"""Base class of extractors, the interface of extraction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from synthaug.config.base import Settings
from synthaug.core.errors import SynthaugError


class ExtractorAbsent(SynthaugError):
    """An extractor's weights are not there; distances get this as their status, never another extractor."""


class Extractor(ABC):
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
    Options : type
        What the `options` of a class from outside the package may say; by itself, nothing.
    """

    Options: ClassVar[type[Settings]] = Settings
    id: str
    seen: tuple[str, ...] = ()
    whiten: bool = False

    @classmethod
    @abstractmethod
    def build(cls, settings: Any, weights: Path | None) -> Self:
        """Make the extractor.

        Parameters
        ----------
        settings : ExtractorSettings
            Its entry of `evaluation.extractors`.
        weights : Path or None
            The trained model's ``model.safetensors`` for an extractor of kind ``study``; for a class from outside
            the package, the file of its settings, whose hash was checked.

        Raises
        ------
        ExtractorAbsent
            Its weights are not there; the message says how to get them.
        SynthaugError
            Its weights are not the ones named, or of another network.
        """

    @abstractmethod
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


@runtime_checkable
class TextExtractor(Protocol):
    """An extractor whose network also describes text, in the same space."""

    def describe(self, subject: Mapping[str, Any]) -> np.ndarray | None:
        """Feature (d,) of the sentence that says what a subject, a row of its cohort's table, shows.

        None where the table does not say what the sentence needs.
        """
        ...
