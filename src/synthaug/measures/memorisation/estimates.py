"""Estimates of copying, from the similarity of synthetic, training and held-out subjects."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest


class Estimate(NamedTuple):
    """An estimate with its interval: a proportion of subjects, or another statistic of a set.

    Attributes
    ----------
    value : float
        The estimate; a proportion is in [0, 1].
    ci_low, ci_high : float
        Ends of the interval; of a proportion, Wilson's of 95 %.
    n : int
        Subjects behind it.
    """

    value: float
    ci_low: float
    ci_high: float
    n: int


def proportion(found: np.ndarray) -> Estimate:
    """Proportion of True, with its interval; at least one value."""
    count, n = int(np.count_nonzero(found)), len(found)
    interval = binomtest(count, n).proportion_ci(0.95, method="wilson")
    return Estimate(count / n, float(interval.low), float(interval.high), n)


def copy_threshold(train_to_train: np.ndarray, percentile: float = 95.0) -> float:
    """Similarity above which a subject counts as a copy, from the training subjects alone.

    Parameters
    ----------
    train_to_train : ndarray, shape (n_train, n_train)
        Similarity of the training subjects with one another; the diagonal is not looked at.
    percentile : float
        Of the largest similarity each has with any other: as many comparisons as a synthetic subject has, so
        that about 5 % of new real patients are flagged, however few validate.
    """
    others = train_to_train.astype(float).copy()
    np.fill_diagonal(others, -np.inf)
    return _exceeded_by(others.max(axis=1), percentile / 100)


def validated_threshold(train_to_validation: np.ndarray, percentile: float = 95.0) -> float | None:
    """The same from training and validation subjects, where enough validate.

    Parameters
    ----------
    train_to_validation : ndarray, shape (n_train, n_validation)
        Similarity.
    percentile : float
        Of the largest similarity each training subject would have with as many validation subjects as
        there are training ones. It has it with fewer, and the largest of fewer is smaller: so the percentile taken
        of the observed ones is that to the power of n_validation / n_train, which is exact where similarities are
        independent.

    Returns
    -------
    float or None
        None below 20 validation subjects: the percentile would be beyond the largest training subject.

    References
    ----------
    Dar et al., Unconditional latent diffusion models memorize patient imaging data, 2024: the percentile over
    training samples of their largest correlation with validation samples, without regard to their numbers.
    """
    n_train, n_validation = train_to_validation.shape
    if n_validation * (1 - percentile / 100) < 1 - 1e-9:
        return None
    share_below = (percentile / 100) ** (n_validation / n_train)
    return _exceeded_by(train_to_validation.max(axis=1), share_below)


def _exceeded_by(values: np.ndarray, share_below: float) -> float:
    """Quantile that a new value of the same kind is below with this probability, however few the values.

    The default of NumPy is below it: a new value exceeds its 95th percentile of 40 in 7 % of cases, not in 5 %.
    """
    return float(np.quantile(values, share_below, method="weibull"))


def authenticity(synthetic_to_train: np.ndarray, train_to_train: np.ndarray) -> Estimate:
    """Proportion of synthetic subjects farther from their training neighbour than that one's own neighbour.

    Parameters
    ----------
    synthetic_to_train : ndarray, shape (n_synthetic, n_train)
        Distances.
    train_to_train : ndarray, shape (n_train, n_train)
        Distances; the diagonal is not looked at.

    Notes
    -----
    The neighbour's own distance is looked up by the *training* subject's index. Two public
    implementations use the synthetic one's, and find hardly any of the positive controls.

    References
    ----------
    Alaa et al., ICML 2022.
    """
    own = train_to_train.astype(float).copy()
    np.fill_diagonal(own, np.inf)
    nearest = synthetic_to_train.argmin(axis=1)
    return proportion(synthetic_to_train.min(axis=1) > own.min(axis=1)[nearest])


def nearer_to_train(
    synthetic_to_train: np.ndarray, synthetic_to_holdout: np.ndarray, seed: int = 0
) -> Estimate:
    """Proportion of synthetic subjects nearer to the training set than to as many real patients held out.

    Parameters
    ----------
    synthetic_to_train, synthetic_to_holdout : ndarray, shape (n_synthetic, n_train), (n_synthetic, n_holdout)
        Distances; the larger set is thinned at random to the size of the smaller.
    seed : int
        Seed of the thinning.

    Returns
    -------
    Estimate
        0.5 where nothing was memorised (distance to closest record, DCR share).
    """
    size = min(synthetic_to_train.shape[1], synthetic_to_holdout.shape[1])
    rng = np.random.default_rng(seed)
    nearest = [
        distances[:, rng.permutation(distances.shape[1])[:size]].min(axis=1)
        for distances in (synthetic_to_train, synthetic_to_holdout)
    ]
    return proportion(nearest[0] < nearest[1])


def nearest_neighbour_ratio(synthetic_to_train: np.ndarray) -> float:
    """Median of nearest over second nearest training distance; near 0 where single patients are copied."""
    two = np.sort(synthetic_to_train, axis=1)[:, :2]
    return float(np.median(two[:, 0] / np.maximum(two[:, 1], np.finfo(float).tiny)))
