"""A standard scale of intensities: the deciles of every subject come to lie on declared values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DECILES = np.arange(10, 100, 10)


def percentiles_of(values: np.ndarray, percentiles: Sequence[float]) -> list[float]:
    """What `numpy.percentile` gives, at a third of its time: only values near a percentile are sorted.

    A sample says between which two values each percentile lies; where it is wrong, all values are sorted.
    """
    flat = values.ravel()
    sample = flat[:: max(flat.size // 20000, 1)]
    found = []
    for percentile in percentiles:
        margins = np.percentile(sample, np.clip([percentile - 1, percentile + 1], 0, 100))
        low = -np.inf if percentile <= 1 else margins[0]
        high = np.inf if percentile >= 99 else margins[1]
        near = np.sort(flat[(flat >= low) & (flat <= high)])
        place = (flat.size - 1) * percentile / 100 - (0 if low == -np.inf else np.count_nonzero(flat < low))
        if 0 <= place <= len(near) - 1:
            found.append(float(np.interp(place, np.arange(len(near)), near)))
        else:
            found.append(float(np.percentile(flat, percentile)))
    return found


def standardise(cine: np.ndarray, inside: np.ndarray, landmarks: Sequence[float]) -> np.ndarray:
    """Map the deciles of a cine to landmarks, straight between them; 0 and 1 stay what they are.

    The landmarks are given, not learned: a cohort is harmonised once, before its patients are divided into training and
    test, and a scale that is learned from a cohort would carry its test patients into the training images. A subject's
    own deciles are all that is measured, so that a new patient is harmonised as these were.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x), float32
        Intensities in [0, 1].
    inside : ndarray, shape (y, x), bool
        What was imaged.
    landmarks : sequence of 9 floats
        Where the deciles go; ascending, above 0 and below 1.

    Returns
    -------
    ndarray, shape (t, z, y, x), float32
        Intensities in [0, 1].

    Raises
    ------
    ValueError
        The cine is constant where they are measured.

    Notes
    -----
    Several deciles may be one number. Then the first of their landmarks holds.

    References
    ----------
    Nyul, Udupa and Zhang, IEEE TMI 19(2), 2000, whose standard scale is the mean of training images.
    """
    own = [0.0, *foreground_deciles(cine, inside), 1.0]
    steps, first = np.unique(own, return_index=True)
    return np.interp(cine, steps, np.array([0.0, *landmarks, 1.0])[first]).astype(np.float32)


def foreground_deciles(cine: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Deciles, shape (9,), of the voxels brighter than the mean, in the middle half of the window along y and x.

    How much lung and fat the rest of the window shows depends on where the heart lies.
    """
    n_y, n_x = inside.shape
    rows, columns = slice(n_y // 4, n_y - n_y // 4), slice(n_x // 4, n_x - n_x // 4)
    voxels = cine[..., rows, columns][..., inside[rows, columns]]
    bright = voxels[voxels > voxels.mean()] if voxels.size else voxels
    if not bright.size:
        raise ValueError("the cine is constant where the heart should be")
    deciles: np.ndarray = np.percentile(bright, DECILES)
    return deciles
