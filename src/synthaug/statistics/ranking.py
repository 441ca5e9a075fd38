"""Ranking stability of the arms over bootstrap replicates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class RankStability(NamedTuple):
    """Ranks of arms over bootstrap replicates; rank 1 is the best.

    Attributes
    ----------
    ranks : ndarray, shape (n_replicates, n_arms)
        Ranks in each replicate; ties take mean ranks.
    first : ndarray, shape (n_arms,)
        Fraction of replicates in which the arm is first, divided among arms that tie.
    tau : float
        Mean Kendall tau-b between the ranking of a replicate and that of all patients; NaN if all arms
        tie over all patients.
    """

    ranks: np.ndarray
    first: np.ndarray
    tau: float


def rank_stability(values: np.ndarray, replicates: np.ndarray, direction: str) -> RankStability:
    """Rank the arms in every bootstrap replicate.

    Parameters
    ----------
    values : ndarray, shape (n_arms,)
        Means over all patients.
    replicates : ndarray, shape (n_replicates, n_arms)
        Bootstrap means.
    direction : str
        ``"higher"`` or ``"lower"``: which way is better.

    References
    ----------
    Wiesenfarth et al., Sci. Rep. 11, 2021 (challengeR). Kendall, Biometrika 30, 1938.
    """
    from scipy.stats import rankdata

    sign = -1.0 if direction == "higher" else 1.0
    ranks = rankdata(np.round(sign * replicates, 12), axis=1)
    best = ranks == ranks.min(axis=1, keepdims=True)
    first = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    upper = np.triu_indices(len(values), 1)
    order = np.sign(np.round(sign * (values[:, None] - values[None, :]), 12))[upper]
    orders = np.sign(ranks[:, upper[0]] - ranks[:, upper[1]])
    size = np.sqrt((order != 0).sum() * (orders != 0).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        taus = orders @ order / size
    known = taus[~np.isnan(taus)]
    return RankStability(ranks, first, float(known.mean()) if len(known) else float("nan"))


class OrderStability(NamedTuple):
    """Ranks of competitors, and how often replicates of their values keep them; rank 1 is the best.

    Attributes
    ----------
    ranks : ndarray, shape (n,)
        Ranks of the values; ties take mean ranks.
    low, high : ndarray, shape (n,)
        Ends of the percentile interval of the ranks.
    kept : ndarray, shape (n,)
        Fraction of the replicates in which a competitor has its rank.
    first : ndarray, shape (n,)
        Fraction of the replicates in which it is first, divided among those that tie.
    order_kept : float
        Fraction of the replicates in which all have their ranks.
    """

    ranks: np.ndarray
    low: np.ndarray
    high: np.ndarray
    kept: np.ndarray
    first: np.ndarray
    order_kept: float


def order_stability(
    values: np.ndarray, replicates: np.ndarray, direction: str, confidence: float = 0.95
) -> OrderStability:
    """Ranks of values, and their stability over replicates.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Measured values.
    replicates : ndarray, shape (n_replicates, n)
        Replicates of them, such as those of `draw_from_intervals`.
    direction : str
        ``"higher"`` or ``"lower"``: which way is better.
    confidence : float
        Coverage of the interval of a rank.
    """
    (ranks,) = rank_stability(values, values[None], direction).ranks
    found = rank_stability(values, replicates, direction)
    same = found.ranks == ranks
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(found.ranks, tails, axis=0, method="closest_observation")
    return OrderStability(ranks, low, high, same.mean(axis=0), found.first, float(same.all(axis=1).mean()))


def draw_from_intervals(
    values: np.ndarray,
    lows: np.ndarray,
    highs: np.ndarray,
    confidence: float,
    replicates: int,
    seed: int,
) -> np.ndarray:
    """Replicates of values from their intervals: a parametric bootstrap.

    Parameters
    ----------
    values, lows, highs : ndarray, shape (n,)
        Values and ends of their intervals.
    confidence : float
        Coverage of the intervals.
    replicates : int
        Number of replicates.
    seed : int
        Seed of the draws.

    Returns
    -------
    ndarray, shape (replicates, n)
        Normal on each side of the value, with the standard deviation that the end on that side implies. Values are drawn
        independently of each other.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 6.5.
    """
    from scipy.stats import norm

    quantile = norm.ppf((1 + confidence) / 2)
    normal = np.random.default_rng(seed).standard_normal((replicates, len(values)))
    spread = np.where(normal < 0, values - lows, highs - values) / quantile
    drawn: np.ndarray = values + normal * spread
    return drawn
