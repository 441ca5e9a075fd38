"""Paired tests over patients, trainings averaged: they ignore the variation between trainings."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np

_ROUNDING = 12  # decimals of the differences before ranking, so that equal ones tie
_SIGNS = 2**22  # signs in memory at once as floating-point numbers
_EXACT_PATIENTS = 12  # up to here all 2^n sign patterns are evaluated
_EXACT_RANKS = 50  # up to here the distribution of the sum of signed ranks is calculated


def wilcoxon_p(differences: np.ndarray) -> float:
    """Two-sided p-value of the Wilcoxon signed-rank test; 1 where all differences are zero.

    Parameters
    ----------
    differences : ndarray, shape (n,)
        Paired differences, one per patient. Zeros are dropped, ties take mean ranks. Exact up to 50 patients, given
        the ties; with more by the normal distribution.

    Notes
    -----
    SciPy's `wilcoxon` gives the same values (a test compares them) but, where up to 13 patients have ties or zeros,
    ranks each of 2^n sign patterns anew: 0.2 s a test; with more of them it is not exact.

    References
    ----------
    Wilcoxon, Biometrics Bull. 1, 1945.
    """
    from scipy.stats import rankdata, wilcoxon

    rounded = np.round(differences, _ROUNDING)
    rounded = rounded[rounded != 0]
    if not len(rounded):
        return 1.0
    if len(rounded) > _EXACT_RANKS:
        return float(wilcoxon(rounded, method="asymptotic").pvalue)
    doubled = (2 * rankdata(np.abs(rounded))).astype(int)  # mean ranks are whole or half numbers
    # Probability of every sum of the ranks with a positive sign, rank after rank.
    sums = np.ones(1)
    for rank in doubled:
        sums = (np.pad(sums, (0, rank)) + np.pad(sums, (rank, 0))) / 2
    positive = int(doubled[rounded > 0].sum())
    smaller = min(positive, int(doubled.sum()) - positive)
    return min(1.0, 2 * float(sums[: smaller + 1].sum()))


def sign_flip_p(differences: np.ndarray, permutations: int = 9999, seed: int = 0) -> float:
    """Two-sided p-value of the sign-flip permutation test of the mean difference.

    Parameters
    ----------
    differences : ndarray, shape (n,)
        Paired differences, one per patient.
    permutations : int
        Number of random sign patterns with more than 12 patients; up to 12 all 2^n are evaluated.
    seed : int
        Random seed of the patterns.

    Returns
    -------
    float
        Fraction of patterns whose mean is at least as far from zero as the observed mean. The observed
        pattern counts as one of the random patterns, so that p is never 0.

    References
    ----------
    Fisher, The Design of Experiments, 1935. Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 2010.
    """
    exact = len(differences) <= _EXACT_PATIENTS
    signs = _all_signs(len(differences)) if exact else _random_signs(len(differences), permutations, seed)
    # In blocks, because a product needs the signs as floating-point numbers.
    flipped = np.abs(np.concatenate([signs[part] @ differences for part in _blocks(signs.shape)]))
    # Sums of the same numbers in another order differ in the last digits.
    reached = int((flipped >= np.abs(differences.sum()) - 1e-9 * np.abs(differences).sum()).sum())
    return reached / len(signs) if exact else (reached + 1) / (len(signs) + 1)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Holm-adjusted p-values.

    statsmodels' `multipletests` gives the same values (a test compares them), but collects garbage on every call: 0.15 s or
    more per simulated study.

    Parameters
    ----------
    p_values : sequence of float, length m
        All p-values of the family.

    Returns
    -------
    ndarray, shape (m,)
        Adjusted p-values in the given order: the i-th smallest times m - i + 1, monotone, at most 1.

    References
    ----------
    Holm, Scand. J. Statist. 6, 1979.
    """
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted


@functools.lru_cache(maxsize=16)
def _all_signs(n: int) -> np.ndarray:
    signs: np.ndarray = (1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)).astype(np.int8)
    return signs


@functools.lru_cache(maxsize=4)
def _random_signs(n: int, permutations: int, seed: int) -> np.ndarray:
    rng, signs = np.random.default_rng(seed), np.empty((permutations, n), np.int8)
    for part in _blocks(signs.shape):
        signs[part] = 2 * rng.integers(0, 2, signs[part].shape) - 1
    return signs


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Rows of a matrix of signs, so many at once that they fit into memory as larger numbers."""
    rows = max(1, _SIGNS // max(1, shape[1]))
    return (slice(start, start + rows) for start in range(0, shape[0], rows))
