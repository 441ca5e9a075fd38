"""Cines of a folder brought to one grid, so that one extractor can look at all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthaug.compare_folders.cine_folder import Cine, CineFolder
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.readers.base import spacing_is_lost
from synthaug.data.resampling import apply_weights, axis_weights, resample_beat
from synthaug.labels import UNLABELLED


@dataclass(frozen=True)
class CommonGrid:
    """What all cines get in common; their slices stay their own.

    Attributes
    ----------
    frames, y, x : int
        Lengths of the axes.
    spacing_mm : tuple of 3 floats
        Voxel size (z, y, x); z is that of most cines, it is never resampled.
    resample : bool
        Whether voxel size in the plane and number of frames are changed to the grid's; cropping and
        padding with 0 around the middle happen either way.
    """

    frames: int
    y: int
    x: int
    spacing_mm: tuple[float, float, float]
    resample: bool

    def fit(self, cine: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
        """Bring a cine to the grid.

        Parameters
        ----------
        cine : ndarray, shape (t, z, y, x)
            Intensities in [0, 1].
        spacing_mm : sequence of 3 floats
            Its voxel size (z, y, x).

        Returns
        -------
        ndarray, shape (frames, z, y, x), float32
            Bilinear in the plane; linear and cyclic in time, without smoothing.
        """
        if self.resample:
            for axis in (3, 2):
                step = self.spacing_mm[axis - 1] / spacing_mm[axis - 1]
                n = resampled_length(cine.shape[axis], step)
                positions = (cine.shape[axis] - 1) / 2 + (np.arange(n) - (n - 1) / 2) * step
                if n != cine.shape[axis] or abs(step - 1) > 1e-3:
                    weights = axis_weights(cine.shape[axis], positions, step, outside=False)
                    cine = apply_weights(cine, weights, axis)
            if len(cine) != self.frames:
                cine = resample_beat(cine, np.arange(self.frames) * (len(cine) / self.frames))
        return centred(centred(cine, self.y, axis=2), self.x, axis=3)


def resampled_length(length: int, step: float) -> int:
    """Samples `step` source samples apart that cover an axis."""
    return max(1, round(length / step))


def centred(volume: np.ndarray, length: int, axis: int) -> np.ndarray:
    """Crop an axis around its middle, or pad it with 0; an odd voxel goes to the end."""
    excess = volume.shape[axis] - length
    if excess >= 0:
        first = excess // 2
        return volume.take(np.arange(first, first + length), axis=axis)
    pad = [(0, 0)] * volume.ndim
    pad[axis] = (-excess // 2, -excess - -excess // 2)
    return np.pad(volume, pad)


def common_grid(
    real: Sequence[Cine],
    synthetic: Sequence[Cine],
    resample: bool,
    size: int | None,
    multiple: tuple[int, int],
) -> CommonGrid:
    """The grid of a comparison: the median of the real cines.

    Parameters
    ----------
    real, synthetic : sequence of Cine
        What is compared.
    resample : bool
        Whether voxel size and number of frames may be changed.
    size : int, optional
        Rows and columns wanted; the median of the real cines' where None.
    multiple : tuple of 2 ints
        What rows and columns are rounded up to, the extractor's patch.

    Raises
    ------
    SynthaugError
        Resampling is asked for, and a header lost its voxel size.
    """
    if resample:
        for cine in (*real, *synthetic):
            if spacing_is_lost(cine.spacing_mm):
                raise SynthaugError(
                    f"{cine.path}: cannot be resampled, its header lost the voxel size; write it into the header"
                )
    z, y, x = (float(np.median([cine.spacing_mm[axis] for cine in real])) for axis in range(3))
    frames = math.ceil(np.median([cine.shape[0] for cine in real]))
    lengths = []
    for axis, spacing in ((1, y), (2, x)):
        steps = [spacing / cine.spacing_mm[axis] if resample else 1.0 for cine in real]
        own = [resampled_length(cine.shape[axis + 1], step) for cine, step in zip(real, steps, strict=True)]
        wanted = size or math.ceil(np.median(own))
        lengths.append(-(-wanted // multiple[axis - 1]) * multiple[axis - 1])
    return CommonGrid(frames, lengths[0], lengths[1], (z, y, x), resample)


@dataclass(frozen=True)
class AlignedCohort(Cohort):
    """The cines of a folder on a common grid, as a cohort that is read and aligned when asked for.

    Attributes
    ----------
    cines : dict of str to Cine
        By id.
    grid : CommonGrid
        What they are brought to.
    """

    cines: Mapping[str, Cine]
    grid: CommonGrid

    @classmethod
    def of(cls, folder: CineFolder, kind: str, grid: CommonGrid) -> AlignedCohort:
        """All cines of a folder, ``"real"`` or ``"synthetic"`` by the role they are given."""
        cines = {cine.id: cine for cine in folder.cines}
        table = pd.DataFrame({"subject": list(cines)}).set_index("subject", drop=False)
        places = {name: cine.path.parent for name, cine in cines.items()}
        meta = {"spacing_mm": list(grid.spacing_mm)}
        return cls(folder.name, kind, table, places, meta, cines, grid)

    @property
    def most_slices(self) -> int:
        """Slices of the highest stack."""
        return max(cine.shape[1] for cine in self.cines.values())

    def cine(self, subject: str) -> np.ndarray:
        """Intensities in [0, 1], float32, shape (frames, z, y, x)."""
        found = self.cines[subject]
        return self.grid.fit(found.load(), found.spacing_mm)

    def label_cine(self, subject: str) -> np.ndarray:
        """`UNLABELLED` everywhere: labels, where there are any, are not looked at."""
        shape = (self.grid.frames, self.cines[subject].shape[1], self.grid.y, self.grid.x)
        return np.full(shape, UNLABELLED, np.uint8)
