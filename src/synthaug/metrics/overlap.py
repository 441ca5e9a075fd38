"""Overlap of two masks."""

from __future__ import annotations

import numpy as np


def dice(prediction: np.ndarray, reference: np.ndarray) -> float:
    """Dice coefficient of two masks.

    Parameters
    ----------
    prediction, reference : ndarray of bool, shape (z, y, x)
        Masks on one grid (any equal shape).

    Returns
    -------
    float
        2 |P and R| / (|P| + |R|), in [0, 1]: 0 where only one mask is empty, NaN where both
        are, because then there is nothing to overlap.

    Raises
    ------
    ValueError
        The shapes differ.

    References
    ----------
    Dice, Ecology 26, 1945.
    """
    prediction, reference = check_masks(prediction, reference)
    total = np.count_nonzero(prediction) + np.count_nonzero(reference)
    if total == 0:
        return float("nan")
    return float(2 * np.count_nonzero(prediction & reference) / total)


def check_masks(prediction: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two masks as boolean arrays of one shape, or a ValueError."""
    first, second = np.asarray(prediction, bool), np.asarray(reference, bool)
    if first.shape != second.shape:
        raise ValueError(f"masks must lie on one grid; their shapes are {first.shape} and {second.shape}")
    return first, second
