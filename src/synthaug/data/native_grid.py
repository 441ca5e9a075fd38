"""The way back: from the study's voxel grid to the one a patient was imaged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from synthaug.core.artifacts import read_json, sha256_file, write_json
from synthaug.data.nifti import write_nifti
from synthaug.data.resampling import axis_weights, move_slices, resample_image
from synthaug.data.stored_nifti import read_voxels
from synthaug.labels import STRUCTURES

GEOMETRY, LABELS = "native.json", "native_labels.nii.gz"


@dataclass(frozen=True)
class NativeGrid:
    """Where the study's voxel grid lies on a patient's own, in the canonical orientation.

    Native means the voxels of the file: only turned by quarters and mirrored, which moves no value. Voxel `k` of the
    study's grid along an axis lies at index ``origin + k * step`` of the native grid.

    Attributes
    ----------
    shape : tuple of 3 ints
        Native voxels (z, y, x).
    spacing_mm : tuple of 3 floats
        Native voxel size (z, y, x).
    origin : tuple of 3 floats
        Native index (z, y, x) of the first voxel of the study's grid.
    step : tuple of 3 floats
        Native voxels (z, y, x) from one voxel of the study's grid to the next.
    orientation : dict
        What was done to the file's array (y, x): ``transpose``, ``flip_x``, ``flip_y``, and ``apex_first``, whether its slices
        were reversed.
    moved : tuple of pairs of int
        Native pixels (y, x) by which each slice was displaced and has been moved back; empty where none was moved.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin: tuple[float, float, float]
    step: tuple[float, float, float]
    orientation: Mapping[str, bool]
    moved: tuple[tuple[int, int], ...] = ()

    def extent(self, matrix: Sequence[int]) -> tuple[tuple[float, float], ...]:
        """First and last native index that the study's grid reaches, to the borders of its outermost voxels.

        Parameters
        ----------
        matrix : sequence of 3 ints
            Voxels (z, y, x) of this subject on the study's grid.

        Returns
        -------
        tuple of 3 pairs of float
            For axes (z, y, x).
        """
        return tuple(
            (start - step / 2, start + (n - 0.5) * step)
            for start, step, n in zip(self.origin, self.step, matrix, strict=True)
        )

    def imaged(self, matrix: Sequence[int]) -> tuple[slice, slice]:
        """Rows and columns of the study's grid that show what was imaged; beyond the field of view the window is padded.

        Parameters
        ----------
        matrix : sequence of 3 ints
            Voxels (z, y, x) of this subject on the study's grid.

        Returns
        -------
        tuple of 2 slices
            For axes (y, x).
        """
        shown = []
        for axis in (1, 2):
            places = self.origin[axis] + self.step[axis] * np.arange(matrix[axis])
            inside = np.flatnonzero((places >= -0.5) & (places <= self.shape[axis] - 0.5))
            shown.append(slice(int(inside[0]), int(inside[-1]) + 1))
        return shown[0], shown[1]

    def volumes_within(self, labels: np.ndarray, matrix: Sequence[int]) -> dict[str, float]:
        """Volumes of native labels in the region that the study's grid covers.

        They have none of the error of resampling, and those of a grid of one slice are of one slice.

        Parameters
        ----------
        labels : ndarray, shape (z, y, x)
            Canonical labels on the native grid.
        matrix : sequence of 3 ints
            Voxels (z, y, x) of this subject on the study's grid.

        Returns
        -------
        dict of str to float
            mL of each structure. A voxel counts by the share of it that is covered.
        """
        shares = []
        for n, (low, high) in zip(self.shape, self.extent(matrix), strict=True):
            index = np.arange(n)
            shares.append(np.clip(np.minimum(index + 0.5, high) - np.maximum(index - 0.5, low), 0, 1))
        voxel_ml = float(np.prod(self.spacing_mm)) / 1000
        return {
            name: float(np.einsum("zyx,z,y,x->", labels == label, *shares) * voxel_ml)
            for name, label in STRUCTURES.items()
        }

    def labels_from(self, probabilities: np.ndarray) -> np.ndarray:
        """Labels on the native grid from the probabilities of a segmenter.

        Parameters
        ----------
        probabilities : ndarray, shape (classes, z, y, x)
            On the study's grid; class 0 is background.

        Returns
        -------
        ndarray, shape (z, y, x), uint8
            The most probable class of `probabilities_from`.
        """
        return self.probabilities_from(probabilities).argmax(axis=0).astype(np.uint8)

    def probabilities_from(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities on the native grid from those of a segmenter.

        Parameters
        ----------
        probabilities : ndarray, shape (classes, z, y, x)
            On the study's grid; class 0 is background.

        Returns
        -------
        ndarray, shape (classes, z, y, x), float32
            Linear interpolation of each class; background has probability 1 where the study's grid does not reach, so that
            a structure outside of the window counts as missed.
        """
        weights = []
        for axis, size in enumerate(probabilities.shape[1:]):
            positions = (np.arange(self.shape[axis]) - self.origin[axis]) / self.step[axis]
            weights.append(axis_weights(size, positions, 1 / self.step[axis], outside=True))
        native = resample_image(probabilities, weights)
        reached = np.einsum("i,j,k->ijk", *(np.asarray(matrix.sum(axis=1)) > 0 for matrix in weights))
        native[0, ~reached] = 1
        return move_slices(native, [(-y, -x) for y, x in self.moved]) if self.moved else native


@dataclass(frozen=True)
class NativeReference:
    """A patient's own voxel grid with the reference labels on it.

    Attributes
    ----------
    grid : NativeGrid
        The geometry.
    labels : dict of int to ndarray, shape (z, y, x), uint8
        Canonical labels as they were annotated, by frame of the harmonised cine.
    """

    grid: NativeGrid
    labels: Mapping[int, np.ndarray]


def write_native(folder: Path, grid: NativeGrid, labels: Mapping[int, np.ndarray]) -> dict[str, str]:
    """Write the native geometry of a subject and, where there are labels, its native labels.

    Parameters
    ----------
    folder : Path
        The subject's folder in a cohort.
    grid : NativeGrid
        The geometry.
    labels : mapping of int to ndarray, shape (z, y, x)
        Canonical labels by frame of the harmonised cine.

    Returns
    -------
    dict of str to str
        SHA-256 of each file written.
    """
    frames = sorted(labels)
    write_json(folder / GEOMETRY, {**asdict(grid), "labelled_frames": frames})
    hashes = {"native": sha256_file(folder / GEOMETRY)}
    if frames:
        z_mm, y_mm, x_mm = grid.spacing_mm
        volume = np.stack([labels[frame] for frame in frames]).astype(np.uint8)
        write_nifti(nib.Nifti1Image(volume.T, np.diag([x_mm, y_mm, z_mm, 1.0])), folder / LABELS)
        hashes["native_labels"] = sha256_file(folder / LABELS)
    return hashes


def read_native(folder: Path) -> NativeReference | None:
    """What `write_native` wrote; None where the study's grid is the subject's own, as of a synthetic one."""
    if not (folder / GEOMETRY).is_file():
        return None
    content: dict[str, Any] = read_json(folder / GEOMETRY)
    frames = content.pop("labelled_frames")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in content.items()
    }
    values["moved"] = tuple(map(tuple, values.get("moved", ())))
    grid = NativeGrid(**values)
    if not frames:
        return NativeReference(grid, {})
    volume = read_voxels(folder / LABELS, np.uint8)
    return NativeReference(grid, dict(zip(frames, volume, strict=True)))
