"""Equivalence: whether a difference is certainly smaller than one that would matter."""

from __future__ import annotations

from synthaug.statistics.precision import Precision


def equivalence_p(precision: Precision, margin: float) -> float:
    """p-value of two one-sided tests: small where the difference lies within plus or minus the margin.

    Parameters
    ----------
    precision : Precision
        The paired difference, with the same variance as its interval.
    margin : float
        Smallest difference that would matter, in the unit of the metric.

    Returns
    -------
    float
        The larger of both p-values; below alpha exactly where the interval of confidence
        1 - 2 alpha lies within the margin.

    References
    ----------
    Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987.
    """
    return max(precision.p_above(-margin), precision.p_below(margin))
