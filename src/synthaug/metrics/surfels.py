"""Normalised surface Dice: overlap of two surfaces, each element weighted by its area."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import ndimage

from synthaug.metrics.overlap import check_masks


def normalised_surface_dice(
    prediction: np.ndarray, reference: np.ndarray, spacing_mm: Sequence[float], tolerance_mm: float
) -> float:
    """Share of both surfaces that lies within a tolerance of the other.

    Parameters
    ----------
    prediction, reference : ndarray of bool, shape (z, y, x)
        Masks on one grid.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    tolerance_mm : float
        Distance up to which two surfaces count as the same, in mm; say it beside the value.

    Returns
    -------
    float
        In [0, 1]: 0 where only one mask is empty, NaN where both are.

    Raises
    ------
    ValueError
        The shapes differ, the masks are not three-dimensional, or the tolerance is negative.

    Notes
    -----
    The surface passes between voxels: an element sits at the corner that eight voxels share and has the
    area of the marching-cubes surface within them. Counting border voxels instead would let a voxel of
    10 mm weigh as much as one of 1 mm. What lies beyond the image is outside.

    References
    ----------
    Nikolov et al., J. Med. Internet Res. 23, 2021, and its surface-distance code, whose rule this is.
    """
    prediction, reference = check_masks(prediction, reference)
    if prediction.ndim != 3 or len(spacing_mm) != 3:
        raise ValueError(f"masks must be (z, y, x) with a spacing for each; they are {prediction.shape}")
    if not tolerance_mm >= 0:
        raise ValueError(f"the tolerance is {tolerance_mm:g} mm; it cannot be negative")
    if not (prediction.any() and reference.any()):
        return 0.0 if prediction.any() or reference.any() else float("nan")
    box = ndimage.find_objects((prediction | reference).astype(np.uint8))[0]
    areas = [_areas(mask[box], spacing_mm) for mask in (prediction, reference)]
    close = total = 0.0
    for own, other in (areas, reversed(areas)):
        surface = own > 0
        distances = ndimage.distance_transform_edt(other == 0, sampling=spacing_mm)[surface]
        close += own[surface][distances <= tolerance_mm].sum()
        total += own[surface].sum()
    return float(close / total)


def _areas(mask: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Area of the surface around every corner between voxels, shape (z + 1, y + 1, x + 1), in mm^2."""
    padded = np.pad(mask, 1).astype(np.uint8)
    codes = np.zeros([size + 1 for size in mask.shape], np.uint8)
    for bit, corner in enumerate(np.ndindex(2, 2, 2)):
        window = tuple(slice(start, start + size) for start, size in zip(corner, codes.shape, strict=True))
        codes |= padded[window] << bit
    return _area_of_code(tuple(float(size) for size in spacing_mm))[codes]


@lru_cache(maxsize=8)
def _area_of_code(spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Marching-cubes area within eight voxels, for each of the 256 ways to fill them."""
    from skimage.measure import marching_cubes, mesh_surface_area

    areas = np.zeros(256)
    # Inside and outside have one surface. Of ambiguous corners the marching algorithm gives more area
    # where they are the majority, so each surface is taken from its smaller side.
    for code in (code for code in range(1, 255) if code.bit_count() <= 4):
        block = np.array([code >> bit & 1 for bit in range(8)], np.float32).reshape(2, 2, 2)
        vertices, faces, *_ = marching_cubes(block, 0.5, spacing=spacing_mm, method="lorensen")
        areas[code] = mesh_surface_area(vertices, faces)
        if code.bit_count() < 4:
            areas[255 - code] = areas[code]
    return areas
