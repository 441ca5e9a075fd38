"""Mean of one measure over several trainings of a generator, with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class RunsMean(NamedTuple):
    """A mean over trainings; the ends are NaN where nothing is known of its precision."""

    value: float
    low: float
    high: float


def mean_of_runs(
    values: Sequence[float] | np.ndarray,
    lows: Sequence[float] | np.ndarray,
    highs: Sequence[float] | np.ndarray,
    confidence: float = 0.95,
) -> RunsMean:
    """Mean of a measure over the trainings of a generator (folds, generator seeds).

    Parameters
    ----------
    values : sequence of float, shape (k,)
        The measure in each training; at least one.
    lows, highs : sequence of float, shape (k,)
        Ends of its interval in each training, over patients or synthetic subjects; NaN is unknown.
    confidence : float
        Coverage of those intervals, in (0, 1).

    Returns
    -------
    RunsMean
        With one training, its own interval. With several, each half-width is the root of the sum of two squares: the mean
        half-width of the trainings' own intervals, and t_{k-1} s / sqrt(k) of their values. The trainings share patients,
        so that the errors of those do not average out. Where they share none the interval is too wide, never too
        narrow by that. Trainings without an interval of their own add nothing to the first part.

    Notes
    -----
    A sum of two variance components, as for patients and trainings in `synthaug.statistics.precision`, with patients taken
    as fully shared between trainings.
    """
    from scipy.stats import t

    values, lows, highs = (np.asarray(side, dtype=np.float64) for side in (values, lows, highs))
    k, value = len(values), float(np.mean(values))
    below, above = values - lows, highs - values
    known = ~np.isnan(below + above)
    if k == 1:
        return (
            RunsMean(value, float(lows[0]), float(highs[0])) if known[0] else RunsMean(value, np.nan, np.nan)
        )
    between = float(t.ppf((1 + confidence) / 2, k - 1) * values.std(ddof=1) / np.sqrt(k))
    own = (below[known].mean(), above[known].mean()) if known.any() else (0.0, 0.0)
    low, high = (float(np.hypot(half, between)) for half in own)
    return RunsMean(value, value - low, value + high)
