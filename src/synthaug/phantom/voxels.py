"""From the anatomy to voxels: how much of each layer lies in each, over the slice's thickness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthaug.labels import LV, MYO, RV
from synthaug.phantom import heart as anatomy
from synthaug.phantom.fields import smooth_noise, spread
from synthaug.phantom.heart import Layers
from synthaug.phantom.left_ventricle import N_ANGLES

_SIGNAL_LOSS = 0.55  # of the blood's signal in the fastest flow
_INFLOW_GAIN = 0.07


@dataclass(frozen=True)
class SlicePlane:
    """One plane, pixel by pixel, in coordinates of the heart.

    Attributes
    ----------
    x_mm, y_mm : ndarray, shape (pixels,) or (samples, pixels)
        Distance from the long axis, turned with the heart; only pixels the heart can reach. Of a plane along the axis
        each sample of a pixel has its own.
    rows : ndarray, shape (samples, pixels)
        Row of `Layers.radii` that each pixel lies in, sample by sample through the slice.
    level_rows : ndarray, shape (samples,), or None
        The row at the long axis, of a plane across it.
    pixel_mm : float
        Pixel size.
    z_mm : float or ndarray, shape (pixels,)
        Position along the axis.
    in_plane_mm : tuple of 2 ndarrays, shape (pixels,)
        Place of each pixel in the plane, for the pattern of the flow.
    """

    x_mm: np.ndarray
    y_mm: np.ndarray
    rows: np.ndarray
    level_rows: np.ndarray | None
    pixel_mm: float
    z_mm: float | np.ndarray
    in_plane_mm: tuple[np.ndarray, np.ndarray]


def plane_of_slice(
    x_mm: np.ndarray, y_mm: np.ndarray, z_mm: np.ndarray, tilt: np.ndarray, n_rows: int, pixel_mm: float
) -> SlicePlane:
    """Find where the pixels of a slice lie in the heart.

    Parameters
    ----------
    x_mm, y_mm : ndarray, shape (pixels,)
        Distance from the long axis.
    z_mm : ndarray, shape (sub-slices,)
        Levels through the slice's thickness.
    tilt : ndarray, shape (2,)
        How far the plane rises along the axis per mm in x and y; a shear, so volumes stay.
    n_rows : int
        Number of rows of `Layers.radii`.
    pixel_mm : float
        Pixel size.
    """
    level = z_mm[:, None] - (tilt[0] * x_mm + tilt[1] * y_mm)[None, :]
    rows = row_at(level, n_rows)
    z_at = float(z_mm.mean())
    return SlicePlane(x_mm, y_mm, rows, row_at(z_mm, n_rows), pixel_mm, z_at, (x_mm, y_mm))


def row_at(z_mm: np.ndarray, n_rows: int) -> np.ndarray:
    """Row of `Layers.radii` at a level along the axis."""
    rows = np.round((z_mm - anatomy.TOP_MM) / anatomy.ROW_MM).astype(np.int32)
    return np.clip(rows, 0, n_rows - 1)


class SliceSampler:
    """Measures one slice at any moment of the beat.

    Parameters
    ----------
    plane : SlicePlane
        Which slice.
    rng : numpy.random.Generator
        Source of the flow's pattern.
    """

    def __init__(self, plane: SlicePlane, rng: np.random.Generator) -> None:
        self._plane = plane
        self._radius = np.hypot(plane.x_mm, plane.y_mm).astype(np.float32)[..., None]
        degrees = np.arctan2(plane.y_mm, plane.x_mm) * (N_ANGLES / (2 * np.pi))
        self._cells = plane.rows * N_ANGLES + np.round(degrees).astype(np.int32) % N_ANGLES
        # Jets and vortices: a few places per chamber lose signal while the blood runs fast.
        swirls = [self._pattern(rng, 1.6) for _ in range(2)]
        self._swirl = [np.clip(swirl - 0.2, 0, 1.6) / 1.6 for swirl in swirls]
        self._mottle = 1 + 0.05 * self._pattern(rng, 0.7)

    def _pattern(self, rng: np.random.Generator, sigma: float) -> np.ndarray:
        return spread(smooth_noise(rng, (48, 48), sigma, "wrap"), *self._plane.in_plane_mm, 4.0)

    def fractions(self, layers: Layers) -> np.ndarray:
        """Part of each pixel inside each outline of `layers`, shape (pixels, 8)."""
        table = layers.radii.reshape(-1, layers.radii.shape[2])
        inside = table[self._cells]
        inside -= self._radius
        inside *= np.float32(1 / self._plane.pixel_mm)
        inside += np.float32(0.5)
        return np.clip(inside, 0, 1, out=inside).mean(axis=0)

    def labels(self, inside: np.ndarray) -> np.ndarray:
        """Canonical label of each pixel: the structure that fills most of the voxel."""
        parts = np.zeros((len(inside), 4), np.float32)
        parts[:, LV] = inside[:, anatomy.LV_LABEL]
        parts[:, MYO] = inside[:, anatomy.MYO_LABEL] - inside[:, anatomy.LV_LABEL]
        parts[:, RV] = inside[:, anatomy.RV_LABEL] - inside[:, anatomy.LEFT_WALL]
        parts[:, 0] = 1 - parts[:, 1:].sum(axis=1)
        return parts.argmax(axis=1).astype(np.uint8)

    def magnetisation(
        self,
        inside: np.ndarray,
        layers: Layers,
        flow: float,
        filling: bool,
        signal: Mapping[str, np.ndarray],
        around: np.ndarray,
    ) -> np.ndarray:
        """Magnetisation of each pixel.

        Parameters
        ----------
        inside : ndarray, shape (pixels, 8)
            From `fractions`.
        layers : Layers
            The heart at this moment.
        flow : float
            Speed of the blood, 0 to 1.
        filling : bool
            Whether it runs in rather than out.
        signal : mapping of str to ndarray, shape (pixels,)
            Signal of each tissue.
        around : ndarray, shape (pixels,)
            Magnetisation without the heart.
        """
        muscle = self._papillary(layers.papillary) * inside[:, anatomy.LEFT_BLOOD]
        left_blood = inside[:, anatomy.LEFT_BLOOD] - muscle
        left_wall = inside[:, anatomy.LEFT_WALL] - inside[:, anatomy.LEFT_BLOOD]
        right_blood = inside[:, anatomy.RIGHT_BLOOD] - inside[:, anatomy.LEFT_WALL]
        right_wall = inside[:, anatomy.RIGHT_WALL] - inside[:, anatomy.RIGHT_BLOOD]
        fat = inside[:, anatomy.FAT] - inside[:, anatomy.RIGHT_WALL]
        near_base = np.exp(-np.maximum(self._plane.z_mm, 0.0) / 40)
        lost = _SIGNAL_LOSS * near_base * flow * self._swirl[int(filling)]
        blood = (left_blood * (1 - lost) + right_blood * (1 - 0.6 * lost)) * (1 + _INFLOW_GAIN * flow)
        return (
            around * (1 - inside[:, anatomy.FAT])
            + signal["blood"] * blood * self._mottle
            + signal["myocardium"] * (muscle + left_wall + right_wall)
            + signal["fat"] * fat
        )

    def _papillary(self, muscles: np.ndarray) -> np.ndarray:
        """Part of each pixel inside a papillary muscle."""
        if self._plane.level_rows is None:
            at = muscles[self._plane.rows]  # (samples, pixels, 2, 3)
            from_axis = np.stack([self._plane.x_mm, self._plane.y_mm], axis=-1)[..., None, :] - at[..., :2]
            within = np.clip(
                0.5 + (at[..., 2] - np.linalg.norm(from_axis, axis=-1)) / self._plane.pixel_mm, 0, 1
            )
            within[at[..., 2] <= 0] = 0
            return np.asarray(within.sum(axis=-1).mean(axis=0), np.float32)
        covered = np.zeros(len(self._plane.x_mm), np.float32)
        for x, y, radius in _present(muscles[self._plane.level_rows].reshape(-1, 3)):
            distance = np.hypot(self._plane.x_mm - x, self._plane.y_mm - y)
            covered += np.clip(0.5 + (radius - distance) / self._plane.pixel_mm, 0, 1)
        return covered / len(self._plane.level_rows)


def _present(muscles: np.ndarray) -> Sequence[np.ndarray]:
    return [muscle for muscle in muscles if muscle[2] > 0]
