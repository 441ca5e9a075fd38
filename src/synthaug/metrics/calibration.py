"""Calibration of predicted probabilities."""

from __future__ import annotations

import numpy as np


def expected_calibration_error(
    probabilities: np.ndarray, reference: np.ndarray, region: np.ndarray, bins: int = 15
) -> float:
    """Expected calibration error of the most probable class.

    Parameters
    ----------
    probabilities : ndarray, shape (classes, z, y, x)
        Probability of each class, adding up to 1 in every voxel.
    reference : ndarray of int, shape (z, y, x)
        True class of each voxel.
    region : ndarray of bool, shape (z, y, x)
        Voxels that count.
    bins : int
        Bins of equal width between 0 and 1; each holds its upper edge.

    Returns
    -------
    float
        sum_b n_b / n |accuracy_b - confidence_b| in [0, 1]: n_b voxels of the region have their highest probability in
        bin b; accuracy_b is the fraction of them whose most probable class is the true one, confidence_b the mean of
        their highest probability. NaN where the region is empty.

    Raises
    ------
    ValueError
        The shapes differ, or there is no bin.

    References
    ----------
    Guo et al., ICML 2017.
    """
    if probabilities.shape[1:] != reference.shape or region.shape != reference.shape:
        raise ValueError(
            f"probabilities {probabilities.shape}, reference {reference.shape} and region {region.shape} "
            "must lie on one grid"
        )
    if bins < 1:
        raise ValueError(f"{bins} bins; give at least one")
    inside = probabilities[:, np.asarray(region, bool)].astype(np.float64)
    if not inside.size:
        return float("nan")
    confidence = inside.max(axis=0)
    correct = inside.argmax(axis=0) == reference[np.asarray(region, bool)]
    member = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    difference = np.bincount(member, weights=correct - confidence, minlength=bins)
    return float(np.abs(difference).sum() / confidence.size)
