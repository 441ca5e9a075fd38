"""What bulk synthesis asks of every generator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from synthaug.config.base import Settings
from synthaug.models.base import Grid
from synthaug.synthesis.requests import CONDITION_COLUMNS


class Generator(ABC):
    """A chain of trained models that makes cines, with masks where it can, from conditions.

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
        What of a request its models heed (names of `synthaug.config.conditions`); the rest is not
        held against it. Everything that can be asked, unless a kind says otherwise.
    Options : type
        What the `options` of a class from outside the package may say; by itself, nothing.
    roles : tuple of str or None
        Roles of the models that a class from outside needs; None where any will do.
    """

    Options: ClassVar[type[Settings]] = Settings
    roles: ClassVar[tuple[str, ...] | None] = None
    conditions: Sequence[str] = CONDITION_COLUMNS
    grid: Grid
    settings: Any
    hashes: Mapping[str, str]
    seen: Sequence[str] = ()

    @classmethod
    @abstractmethod
    def build(cls, settings: Any, models: Mapping[str, Path], device: str) -> Generator:
        """Make the generator from its settings and its models' weight files by role."""

    @abstractmethod
    def sample(
        self, conditions: pd.DataFrame, batch_size: int = 1
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
        """Make one cine a row, in the order of the rows.

        Parameters
        ----------
        conditions : DataFrame
            Columns subject, diagnosis, vendor, lv_edv_ml, lv_esv_ml, myo_mass_g (LV myocardium at ED),
            n_slices, es_phase (ES as a fraction of the cycle) and seed. Empty is left open; n_slices and seed never are.
        batch_size : int
            Rows worked on together; changes speed and memory only.

        Yields
        ------
        subject : str
        cine : ndarray, shape (t, z, y, x), float32
            Intensities in [0, 1]; frame 0 is ED, z is the row's n_slices.
        labels : ndarray, shape (t, z, y, x), uint8, or None
            Canonical labels of every frame; None from a generator that makes no masks.

        Notes
        -----
        A sample is a function of the models, its row and its seed, whatever the batch it falls
        in: bit for bit on a CPU, to rounding on a GPU.
        """
