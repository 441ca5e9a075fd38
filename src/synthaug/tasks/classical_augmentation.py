"""Classical augmentation, offline: what a size-matched control adds instead of synthetic patients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

#: Ranges are uniform. In-plane transforms are the same in every slice: a heart is moved, not torn.
ROTATION_DEGREES = (-30.0, 30.0)
SCALING = (0.9, 1.1)
TRANSLATION_FRACTION = (-0.05, 0.05)  # of the matrix
ELASTIC_SIGMA_FRACTION = 0.1  # smoothness of the elastic field, of the matrix
ELASTIC_FRACTION = 0.02  # largest elastic displacement, of the matrix
GAMMA = (0.7, 1.5)
BRIGHTNESS = (0.8, 1.2)
BLUR_SIGMA_VOXELS = (0.0, 0.8)
NOISE_SD = (0.0, 0.04)  # of the intensity range [0, 1]


class Transform(NamedTuple):
    """One in-plane transform: where every voxel of the augmented plane comes from.

    Attributes
    ----------
    y, x : ndarray, shape (height, width)
        Source of each voxel, in voxels.
    scale : float
        In-plane enlargement of the heart.
    """

    y: np.ndarray
    x: np.ndarray
    scale: float

    def apply(self, planes: np.ndarray, order: int) -> np.ndarray:
        """Move planes (..., y, x), all alike, by spline interpolation of an order; 0 from outside the matrix."""
        flat = planes.reshape(-1, *planes.shape[-2:])
        moved = np.stack([map_coordinates(plane, (self.y, self.x), order=order, cval=0) for plane in flat])
        return moved.reshape(planes.shape)


def augment(
    image: np.ndarray, labels: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One classically augmented copy of a frame and its labels.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
        Intensities in [0, 1].
    labels : ndarray, shape (z, y, x)
        Canonical labels.
    generator : Generator
        Source of all randomness.

    Returns
    -------
    image, labels : ndarray, shape (z, y, x)
        In-plane rotation, isotropic scaling, translation and elastic deformation (linear for the
        image, nearest neighbour for the labels), then gamma, brightness, blur and Gaussian noise.
        What comes from outside the matrix is 0.
    """
    transform = draw_transform(image.shape[1], image.shape[2], generator)
    return _change_intensities(transform.apply(image, 1), generator), transform.apply(labels, 0)


def augment_cine(cine: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, float]:
    """One classically augmented copy of a cine; the heart beats as before.

    Parameters
    ----------
    cine : ndarray, shape (..., y, x)
        Intensities in [0, 1], frames and slices in front.
    generator : Generator
        Source of all randomness.

    Returns
    -------
    cine : ndarray, shape (..., y, x)
        As `augment` changes an image: one transform, gamma, brightness and blur for all frames; noise of each its own.
    scale : float
        In-plane enlargement of the heart, by which its volumes and diameters change
        (`synthaug.phenotypes.registry.Phenotype.scaling`).
    """
    transform = draw_transform(cine.shape[-2], cine.shape[-1], generator)
    return _change_intensities(transform.apply(cine, 1), generator), transform.scale


def _change_intensities(moved: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    moved = np.clip(moved, 0, 1) ** generator.uniform(*GAMMA) * generator.uniform(*BRIGHTNESS)
    in_plane = [generator.uniform(*BLUR_SIGMA_VOXELS)] * 2
    moved = gaussian_filter(moved, (*[0] * (moved.ndim - 2), *in_plane))
    moved = moved + generator.normal(0, generator.uniform(*NOISE_SD), moved.shape)
    return np.clip(moved, 0, 1).astype(np.float32)


def draw_transform(height: int, width: int, generator: np.random.Generator) -> Transform:
    """Rotation, isotropic scaling, translation and elastic deformation of planes of this size."""
    angle = np.deg2rad(generator.uniform(*ROTATION_DEGREES))
    scale = generator.uniform(*SCALING)
    y, x = np.mgrid[:height, :width].astype(float)
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    turned_y = (np.cos(angle) * y - np.sin(angle) * x) / scale
    turned_x = (np.sin(angle) * y + np.cos(angle) * x) / scale
    source = []
    for turned, size in ((turned_y, height), (turned_x, width)):
        field = gaussian_filter(
            generator.uniform(-1, 1, (height, width)), ELASTIC_SIGMA_FRACTION * size, mode="wrap"
        )
        elastic = field / np.abs(field).max() * generator.uniform(0, ELASTIC_FRACTION) * size
        source.append(turned + (size - 1) / 2 + elastic - generator.uniform(*TRANSLATION_FRACTION) * size)
    return Transform(source[0], source[1], scale)
