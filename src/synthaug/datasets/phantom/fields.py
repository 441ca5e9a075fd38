"""Smooth random patterns: texture, sensitivity and field deviations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter


def smooth_noise(
    rng: np.random.Generator, shape: Sequence[int], sigma: Sequence[float] | float, mode: str = "reflect"
) -> np.ndarray:
    """Gaussian noise of mean 0 and standard deviation 1, smooth over `sigma` samples.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the noise.
    shape : sequence of int
        Shape of the pattern.
    sigma : float or sequence of floats
        Standard deviation of the smoothing along each axis.
    mode : str
        What lies beyond the edges, as in `scipy.ndimage.gaussian_filter`.

    Returns
    -------
    ndarray, float32
    """
    pattern = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sigma, mode=mode)
    return (pattern - pattern.mean()) / max(float(pattern.std()), 1e-12)
