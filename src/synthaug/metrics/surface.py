"""Distances between the surfaces of two masks, in mm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from synthaug.metrics.overlap import check_masks


def hausdorff_distance(
    prediction: np.ndarray, reference: np.ndarray, spacing_mm: Sequence[float], percentile: float = 100
) -> float:
    """Hausdorff distance of two masks, or a percentile of it.

    Parameters
    ----------
    prediction, reference : ndarray of bool, shape (z, y, x)
        Masks on one grid.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    percentile : float
        100 for the Hausdorff distance, 95 for HD95.

    Returns
    -------
    float
        The larger of the two directed percentiles over border voxels, in mm. NaN where both
        masks are empty; the diagonal of the image where one is.

    Raises
    ------
    ValueError
        The shapes differ.

    Notes
    -----
    Border voxels are those of a mask with a face neighbour outside it; beyond the image is
    outside. The maximum of the directed percentiles is MONAI's and MetricsReloaded's rule;
    medpy takes one percentile of both directions pooled.

    References
    ----------
    Maier-Hein et al., Metrics reloaded, Nat. Methods 21, 2024. Taha and Hanbury, BMC Med.
    Imaging 15, 2015.
    """
    return hausdorff_from(surface_distances(prediction, reference, spacing_mm), percentile)


def average_surface_distance(
    prediction: np.ndarray, reference: np.ndarray, spacing_mm: Sequence[float]
) -> float:
    """Average symmetric surface distance of two masks.

    Parameters
    ----------
    prediction, reference : ndarray of bool, shape (z, y, x)
        Masks on one grid.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).

    Returns
    -------
    float
        Mean distance from a border voxel of either mask to the other's border, both
        directions pooled, in mm. NaN where both masks are empty; the diagonal of the image
        where one is.

    Raises
    ------
    ValueError
        The shapes differ.

    References
    ----------
    Heimann et al., IEEE Trans. Med. Imaging 28, 2009.
    """
    return average_from(surface_distances(prediction, reference, spacing_mm))


def surface_distances(
    prediction: np.ndarray, reference: np.ndarray, spacing_mm: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Distances from each border voxel of one mask to the nearest of the other.

    Parameters
    ----------
    prediction, reference : ndarray of bool, shape (z, y, x)
        Masks on one grid.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).

    Returns
    -------
    from_prediction, from_reference : ndarray, shape (n_border,)
        In mm. Both empty where both masks are; where only one is, a single distance each:
        the diagonal of the image, the worst there is.

    Raises
    ------
    ValueError
        The shapes differ, or there is not one spacing an axis.
    """
    prediction, reference = check_masks(prediction, reference)
    if len(spacing_mm) != prediction.ndim:
        raise ValueError(f"spacing {tuple(spacing_mm)} does not fit masks of shape {prediction.shape}")
    if not prediction.any() or not reference.any():
        worst = [image_diagonal(prediction.shape, spacing_mm)] if prediction.any() or reference.any() else []
        return np.array(worst), np.array(worst)
    # The distance transform is needed only where there are voxels: on a heart, a hundredth of the image.
    box = ndimage.find_objects((prediction | reference).astype(np.uint8))[0]
    borders = [_border(prediction[box]), _border(reference[box])]
    from_prediction, from_reference = (
        ndimage.distance_transform_edt(~borders[1 - index], sampling=spacing_mm)[borders[index]]
        for index in (0, 1)
    )
    return from_prediction, from_reference


def hausdorff_from(distances: tuple[np.ndarray, np.ndarray], percentile: float = 100) -> float:
    """(Percentile) Hausdorff distance from both directions' surface distances; NaN where there are none."""
    if not len(distances[0]):
        return float("nan")
    return float(max(np.percentile(directed, percentile) for directed in distances))


def average_from(distances: tuple[np.ndarray, np.ndarray]) -> float:
    """Average symmetric surface distance from both directions' distances; NaN where there are none."""
    pooled = np.concatenate(distances)
    return float(pooled.mean()) if len(pooled) else float("nan")


def image_diagonal(shape: Sequence[int], spacing_mm: Sequence[float]) -> float:
    """Length of an image's diagonal in mm: its extent is voxels times voxel size along each axis."""
    return float(np.linalg.norm(np.multiply(shape, spacing_mm)))


def _border(mask: np.ndarray) -> np.ndarray:
    return mask & ~ndimage.binary_erosion(mask)
