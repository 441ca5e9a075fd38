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
