"""Smoothed empirical distributions of single quantities, as quantiles at normal scores."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

#: Normal scores at which quantiles are kept; beyond, they go on along a straight line.
SCORES = np.linspace(-4, 4, 321)
_GRID = 4001  # points at which the distribution function is inverted


def smoothed_quantiles(values: np.ndarray, width: float = 1.0) -> np.ndarray:
    """Quantiles of a smoothed empirical distribution.

    Parameters
    ----------
    values : ndarray, shape (n,)
        At least two different values.
    width : float
        Of the Gaussian kernel, in multiples of Silverman's bandwidth 0.9 min(sd, IQR / 1.34) n^(-1/5).

    Returns
    -------
    ndarray, shape (len(SCORES),)
        Quantiles at the probabilities of `SCORES`, ascending. Mean and variance are the sample's: what is smoothed is drawn
        towards the mean, values and kernel alike, by as much as the kernel widens them.

    References
    ----------
    Silverman, Density Estimation, 1986, equations 3.31 and 6.14.
    """
    n, mean, deviation = len(values), values.mean(), values.std(ddof=1)
    quartiles = np.subtract(*np.percentile(values, [75, 25])) / 1.34
    spread = min(deviation, quartiles) if quartiles > 0 else deviation
    bandwidth = width * 0.9 * spread * n ** (-1 / 5)
    # The values vary about their mean by (n - 1) / n of the sample's variance.
    widened = np.sqrt((n - 1) / n + (bandwidth / deviation) ** 2)
    centres, bandwidth = mean + (values - mean) / widened, bandwidth / widened
    grid = np.linspace(centres.min() - 6 * bandwidth, centres.max() + 6 * bandwidth, _GRID)
    below = np.zeros(_GRID)
    for centre in centres:
        below += ndtr((grid - centre) / bandwidth)
    return np.interp(ndtr(SCORES), below / n, grid)


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Van der Waerden scores, ndtri(rank / (n + 1)), of the known values; equal ones share their mean rank."""
    known = np.isfinite(values)
    scores = np.full(values.shape, np.nan)
    found, place, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    if len(found):
        scores[known] = ndtri(ranks[place] / (known.sum() + 1))
    return scores
