"""Smooth random patterns: texture, sensitivity and field deviations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates


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


def spread(pattern: np.ndarray, x_mm: np.ndarray, y_mm: np.ndarray, step_mm: float) -> np.ndarray:
    """A pattern that repeats every `step_mm` times its size, at points of a plane.

    Parameters
    ----------
    pattern : ndarray, shape (rows, columns)
        Samples `step_mm` apart; periodic.
    x_mm, y_mm : ndarray
        Where it is wanted.
    step_mm : float
        Distance between samples.

    Returns
    -------
    ndarray, float32, shape of `x_mm`
    """
    values = map_coordinates(pattern, [y_mm / step_mm, x_mm / step_mm], order=1, mode="grid-wrap")
    return values.astype(np.float32)
