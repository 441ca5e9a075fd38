"""Statistics of distances over random splits of the subjects, with intervals over the subjects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

#: Disjoint sets of subjects of one random split, as indices; all splits have as many.
Split = tuple[np.ndarray, ...]
#: Subjects are left out one by one up to this many, beyond in as many groups.
_GROUPS = 40


class Estimate(NamedTuple):
    """A statistic and its interval."""

    value: float
    low: float
    high: float


def split_jackknife(
    distances: Callable[[Split], Sequence[float]],
    statistics: Callable[[np.ndarray], Sequence[float]],
    splits: Sequence[Split],
    cohorts: Sequence[int],
    confidence: float,
    whole: np.ndarray | None = None,
) -> list[Estimate]:
    """Statistics of mean distances over splits, with jackknife intervals.

    Parameters
    ----------
    distances : callable
        Distances of one split.
    statistics : callable
        Statistics of the distances' means over the splits, shape (n_distances,).
    splits : sequence of Split
        Random splits into sets of at least three.
    cohorts : sequence of int
        For each set of a split which cohort its indices are of: a real subject that is left out is left out
        wherever it stands, and a synthetic one of the same index is somebody else.
    confidence : float
        Coverage of the intervals.
    whole : ndarray, shape (n_splits, n_distances), optional
        The distances of the splits, where the caller has them already.

    Returns
    -------
    list of Estimate
        One a statistic. Each subject (of more than 40, each of 40 groups) is left out in turn, in all splits alike; the
        variances over the cohorts' subjects add up, and the interval is Student's with as many degrees of freedom as the
        smallest cohort has subjects (or groups), less one.

    Notes
    -----
    Subjects drawn with replacement, as in a bootstrap, would repeat, which inflates a Fréchet distance at the
    numbers of subjects there are; leaving one out does not.

    References
    ----------
    Efron and Stein, Ann. Stat. 9, 1981. Kott, J. Off. Stat. 17, 2001 (groups).
    """
    if whole is None:
        whole = np.array([distances(split) for split in splits])
    values = np.asarray(statistics(whole.mean(axis=0)), float)
    variances, sizes = np.zeros_like(values), []
    for cohort in dict.fromkeys(cohorts):
        members = np.unique(
            np.concatenate([split[i] for split in splits for i, c in enumerate(cohorts) if c == cohort])
        )
        groups = np.array_split(members, min(len(members), _GROUPS))
        left = [statistics(_without(group, cohort, distances, splits, cohorts, whole)) for group in groups]
        variances += (len(groups) - 1) * np.var(left, axis=0)
        sizes.append(len(groups))
    halves = stats.t.ppf((1 + confidence) / 2, min(sizes) - 1) * np.sqrt(variances)
    return [
        Estimate(float(value), float(value - half), float(value + half))
        for value, half in zip(values, halves, strict=True)
    ]


def split_quotient(
    distances: Callable[[Split], tuple[float, float]],
    splits: Sequence[Split],
    cohorts: Sequence[int],
    confidence: float,
    whole: np.ndarray | None = None,
) -> Estimate:
    """Mean of one distance over splits divided by the mean of another; the interval is not below 0.

    Parameters
    ----------
    distances : callable
        Numerator and denominator of one split.
    splits, cohorts, confidence, whole
        See `split_jackknife`.

    Raises
    ------
    ZeroDivisionError
        The mean of the second distance is 0.
    """

    def quotient(means: np.ndarray) -> tuple[float]:
        if means[1] == 0:
            raise ZeroDivisionError("the second distance is 0")
        return (float(means[0] / means[1]),)

    (found,) = split_jackknife(distances, quotient, splits, cohorts, confidence, whole)
    return found._replace(low=max(found.low, 0.0))


def _without(
    left_out: np.ndarray,
    cohort: int,
    distances: Callable[[Split], Sequence[float]],
    splits: Sequence[Split],
    cohorts: Sequence[int],
    whole: np.ndarray,
) -> np.ndarray:
    """Mean distances where some subjects are left out; splits without them stay as they are."""
    found = whole.copy()
    for number, split in enumerate(splits):
        kept = tuple(
            chosen[~np.isin(chosen, left_out)] if c == cohort else chosen
            for chosen, c in zip(split, cohorts, strict=True)
        )
        if any(len(a) < len(b) for a, b in zip(kept, split, strict=True)):
            found[number] = distances(kept)
    mean: np.ndarray = found.mean(axis=0)
    return mean
