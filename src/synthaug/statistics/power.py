"""Power: detectable difference, and number of patients that detects a given difference."""

from __future__ import annotations

import numpy as np
from scipy import special

from synthaug.statistics.precision import Precision

#: Largest number of patients considered.
MOST_PATIENTS = 100_000
_NORMAL_DF = 1e5  # from here on the t distribution is the normal one


def detectable_difference(precision: Precision, alpha: float, power: float, n: int | None = None) -> float:
    """Smallest true difference that a two-sided test at `alpha` detects with the given power.

    Parameters
    ----------
    precision : Precision
        Observed variances.
    alpha : float
        Level of the test.
    power : float
        Probability of detecting the difference.
    n : int, optional
        Number of patients; the observed number by default.

    Returns
    -------
    float
        In the unit of the metric: the noncentrality of the t test times the standard error.
    """

    def size(variance: float, df: float) -> float:
        if df > _NORMAL_DF:
            centre = special.ndtri(1 - alpha / 2) + special.ndtri(power)
        else:
            centre = special.nctdtrinc(df, 1 - power, special.stdtrit(df, 1 - alpha / 2))
        return float(centre * np.sqrt(variance))

    return precision.largest(size, n)


def patients_needed(precision: Precision, difference: float, alpha: float, power: float) -> int | None:
    """Smallest number of patients that detects a true difference with the given power.

    The number of trainings stays as observed.

    Parameters
    ----------
    precision : Precision
        Observed variances.
    difference : float
        True difference to detect, in the unit of the metric; positive.
    alpha, power : float
        Level of the test and probability of detecting the difference.

    Returns
    -------
    int or None
        None if no number of patients suffices because the trainings differ too much: more trainings
        are needed.
    """
    # Degrees of freedom of the patients must remain.
    low = precision.n - int(min(spread.patients_df for spread in precision.spreads)) + 1
    high = MOST_PATIENTS
    if detectable_difference(precision, alpha, power, high) > difference:
        return None
    while low < high:
        middle = (low + high) // 2
        if detectable_difference(precision, alpha, power, middle) <= difference:
            high = middle
        else:
            low = middle + 1
    return low
