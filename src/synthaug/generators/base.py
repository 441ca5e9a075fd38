"""Base class of generators, the interface of bulk synthesis."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from synthaug.config.base import Settings
from synthaug.data.cohort import REQUEST_COLUMNS, Cohort
from synthaug.models.base import Grid


class Generator(ABC):
    """A chain of trained models that makes cines, with masks where it can, from requests.

    Attributes
    ----------
    grid : Grid
        Of the cines it makes; they have `grid.z` slices or fewer.
    settings : GeneratorSettings
        Its section of the study; set by `build_generator`, like the next two.
    hashes : mapping of str to str
        SHA-256 of each model's weight file, by role, and of each file of code from outside the package.
    seen : sequence of str
        Ids of the real subjects its models were trained on. `build` may give those that weights of
        another origin saw.
    conditions : sequence of str
        Conditions of its models (names of `synthaug.config.conditions`); other requested values are not
        evaluated. Default: all conditions.
    Options : type
        What the `options` of a class from outside the package may say; by itself, nothing.
    roles : tuple of str or None
        Roles of the models that a class from outside needs; None where any will do.
    """

    Options: ClassVar[type[Settings]] = Settings
    roles: ClassVar[tuple[str, ...] | None] = None
    conditions: Sequence[str] = REQUEST_COLUMNS
    grid: Grid
    settings: Any
    hashes: Mapping[str, str]
    seen: Sequence[str] = ()

    @classmethod
    @abstractmethod
    def build(cls, settings: Any, models: Mapping[str, Path], device: str) -> Generator:
        """Make the generator from its settings and its models' weight files by role."""

    @property
    def identity(self) -> dict[str, Any]:
        """What a cohort of its cines keeps of it: kind, hashes, whom its models saw, what it is conditioned on."""
        return {
            "generator_kind": self.settings.kind,
            "hashes": dict(self.hashes),
            "seen": list(self.seen),
            "conditions": list(self.conditions),
        }

    @abstractmethod
    def sample(
        self, requests: Cohort, batch_size: int = 1
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
        """Make one cine a request, in their order.

        Parameters
        ----------
        requests : Cohort
            Of kind ``"request"``. Its `table` has the columns subject, diagnosis, vendor, lv_edv_ml, lv_esv_ml,
            myo_mass_g (LV myocardium at ED), n_slices, es_phase (ES as a fraction of the cycle), seed and, where
            they are requested, a sentence and phenotypes. Empty is left open; n_slices and seed never are.
            Masks, where they are requested (`labelled_frames`), are `label_cine`.
        batch_size : int
            Requests worked on together; changes speed and memory only.

        Yields
        ------
        subject : str
        cine : ndarray, shape (t, z, y, x), float32
            Intensities in [0, 1]; frame 0 is ED, z is the request's n_slices.
        labels : ndarray, shape (t, z, y, x), uint8, or None
            Canonical labels of every frame; None from a generator that makes no masks.

        Notes
        -----
        A sample is a function of the models, its request and its seed, whatever the batch it falls
        in: bit for bit on a CPU, to rounding on a GPU.
        """
