"""Percentile intervals of bootstrap replicates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

#: Note of an interval of equal values, which is no certainty.
NO_WIDTH = "all subjects alike: the bootstrap interval has no width"
_DRAWN = 2**22  # values in memory at once


class Interval(NamedTuple):
    """Ends of a confidence interval, in the unit of the values."""

    low: float
    high: float


def percentile_interval(replicates: np.ndarray, confidence: float = 0.95) -> Interval:
    """Equal-tailed percentile interval.

    Parameters
    ----------
    replicates : ndarray, shape (n_replicates,)
        The statistic of each bootstrap sample; at least one.
    confidence : float
        Coverage, in (0, 1).

    Raises
    ------
    ValueError
        No replicates, or a coverage outside (0, 1).

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    if not len(replicates) or not 0 < confidence < 1:
        raise ValueError(
            f"an interval needs replicates and a coverage between 0 and 1; there are {len(replicates)} "
            f"replicates and the coverage is {confidence:g}"
        )
    low, high = np.quantile(replicates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def bootstrap_mean_interval(
    values: np.ndarray, replicates: int, confidence: float = 0.95, seed: int = 0
) -> Interval:
    """Percentile interval of a mean, drawing the values with replacement.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One value a subject; at least one.
    replicates : int
        Number of bootstrap samples.
    confidence : float
        Coverage, in (0, 1).
    seed : int
        Seed of the draws.
    """
    rng = np.random.default_rng(seed)
    drawn = np.concatenate([block.mean(axis=1) for block in resampled(values, replicates, rng)])
    return percentile_interval(drawn, confidence)


def resampled(values: np.ndarray, replicates: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Bootstrap samples of values (n,) in blocks (some replicates, n), so that memory does not grow with n.

    The blocks follow each other as the rows of one draw of all replicates would.
    """
    count = max(1, _DRAWN // max(1, len(values)))
    for start in range(0, replicates, count):
        rows = min(count, replicates - start)
        yield values[rng.integers(len(values), size=(rows, len(values)))]
