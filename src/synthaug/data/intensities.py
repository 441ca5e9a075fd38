"""A standard scale of intensities: the deciles of every subject come to lie on declared values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DECILES = np.arange(10, 100, 10)


def standardise(cine: np.ndarray, inside: np.ndarray, landmarks: Sequence[float]) -> None:
    """Map the deciles of a cine to landmarks, straight between them; 0 and 1 stay what they are.

    The landmarks are given, not learned: a cohort is harmonised once, before its patients are divided into training and
    test, and a scale that is learned from a cohort would carry its test patients into the training images. A subject's
    own deciles are all that is measured, so that a new patient is harmonised as these were.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x), float32
        Intensities in [0, 1]; changed in place.
    inside : ndarray, shape (y, x), bool
        What was imaged: its voxels are measured.
    landmarks : sequence of 9 floats
        Where the 10th, 20th, ... 90th percentile goes; ascending, above 0 and below 1.

    Notes
    -----
    Several deciles may be one number, as where a tenth of the image is empty. Then the first of their landmarks holds.

    References
    ----------
    Nyul, Udupa and Zhang, IEEE TMI 19(2), 2000, whose standard scale is the mean of training images.
    """
    own = [0.0, *np.percentile(cine[..., inside], DECILES), 1.0]
    steps, first = np.unique(own, return_index=True)
    cine[...] = np.interp(cine, steps, np.array([0.0, *landmarks, 1.0])[first])
