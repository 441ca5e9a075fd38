"""Correlations of standardised values of which some are missing."""

from __future__ import annotations

import numpy as np
from sklearn.covariance import ledoit_wolf_shrinkage

_ITERATIONS = 100
_TOLERANCE = 1e-4  # largest change of a correlation in the last step
_LEAST_EIGENVALUE = 1e-6  # so that there is a Cholesky factor


def fit_correlation(values: np.ndarray) -> np.ndarray:
    """Shrunk correlation matrix of a normal distribution from incomplete samples, by expectation maximisation.

    Parameters
    ----------
    values : ndarray, shape (n, d)
        Samples with mean 0 and variance 1 of each column; NaN where missing, at random given the known values.

    Returns
    -------
    ndarray, shape (d, d)
        Positive definite, with ones on the diagonal. Complete samples have Ledoit and Wolf's estimate, rescaled to a
        correlation.

    Notes
    -----
    Each step replaces missing values by their expectation given the known ones, adds the covariance of what is missing,
    and shrinks the result towards the identity: C <- (1 - s) C + s I. A share f of known values makes s about s / f:
    what is missing repeats the shrunk estimate. The intensity s is Ledoit and Wolf's, first of the samples with zeros
    where values are missing, then of the samples completed by the expectations of the first fit. Only known values
    speak: pairwise-complete correlations need not be positive definite, and imputed values would count as if they had
    been measured.

    References
    ----------
    Dempster, Laird and Rubin, J. R. Stat. Soc. B 39, 1977. Ledoit and Wolf, J. Multivar. Anal. 88, 2004.
    """
    known = np.isfinite(values)
    d = values.shape[1]
    completed, correlation = np.where(known, values, 0.0), np.eye(d)
    for _ in range(1 if known.all() else 2):
        shrinkage = float(ledoit_wolf_shrinkage(completed, assume_centered=True)) if d > 1 else 0.0
        completed, correlation = _maximise(completed, known, correlation, shrinkage)
    least = float(np.linalg.eigvalsh(correlation)[0])
    if least < _LEAST_EIGENVALUE:
        extra = _LEAST_EIGENVALUE - least
        correlation = (correlation + extra * np.eye(d)) / (1 + extra)
    return correlation


def _maximise(
    completed: np.ndarray, known: np.ndarray, correlation: np.ndarray, shrinkage: float
) -> tuple[np.ndarray, np.ndarray]:
    """Samples (n, d) completed by their expectations, and the correlation, after expectation maximisation."""
    n, d = completed.shape
    patterns, pattern_of = np.unique(known, axis=0, return_inverse=True)
    members = [np.flatnonzero(pattern_of.reshape(-1) == number) for number in range(len(patterns))]
    completed = completed.copy()
    for _ in range(_ITERATIONS):
        total = np.zeros((d, d))
        for here, rows in zip(patterns, members, strict=True):
            between = correlation[np.ix_(~here, here)]
            weights = np.linalg.solve(correlation[np.ix_(here, here)], between.T).T
            completed[np.ix_(rows, ~here)] = completed[np.ix_(rows, here)] @ weights.T
            total += completed[rows].T @ completed[rows]
            total[np.ix_(~here, ~here)] += len(rows) * (
                correlation[np.ix_(~here, ~here)] - weights @ between.T
            )
        updated = (1 - shrinkage) * total / n + shrinkage * np.eye(d) * np.trace(total) / (n * d)
        scale = np.sqrt(np.diag(updated))
        updated = updated / np.outer(scale, scale)
        updated = (updated + updated.T) / 2
        moved = float(np.abs(updated - correlation).max())
        correlation = updated
        if moved < _TOLERANCE:
            break
    return completed, correlation
