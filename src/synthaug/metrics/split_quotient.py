"""Quotient of two distances over random splits of the subjects, with an interval over the subjects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

#: Disjoint sets of subjects of one random split, as indices; all splits have as many.
Split = tuple[np.ndarray, ...]


class Quotient(NamedTuple):
    """A quotient of mean distances and its interval; not below 0."""

    value: float
    low: float
    high: float


def split_quotient(
    distances: Callable[[Split], tuple[float, float]],
    splits: Sequence[Split],
    cohorts: Sequence[int],
    confidence: float,
) -> Quotient:
    """Mean of one distance over splits divided by the mean of another, with a jackknife interval.

    Parameters
    ----------
    distances : callable
        Numerator and denominator of one split.
    splits : sequence of Split
        Random splits into sets of at least three.
    cohorts : sequence of int
        For each set of a split which cohort its indices are of: a real subject that is left out is left out
        wherever it stands, and a synthetic one of the same index is somebody else.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    Quotient
        Each subject is left out in turn, in all splits alike; the variances over the cohorts' subjects add up, and the
        interval is Student's with as many degrees of freedom as the smallest cohort has, less one.

    Raises
    ------
    ZeroDivisionError
        The mean of the second distance is 0.

    Notes
    -----
    Subjects drawn with replacement, as in a bootstrap, would repeat, which inflates a Fréchet distance at the
    numbers of subjects there are; leaving one out does not.

    References
    ----------
    Efron and Stein, Ann. Stat. 9, 1981.
    """
    whole = np.array([distances(split) for split in splits])
    numerator, denominator = whole.mean(axis=0)
    if denominator == 0:
        raise ZeroDivisionError("the second distance is 0")
    variance, sizes = 0.0, []
    for cohort in dict.fromkeys(cohorts):
        members = np.unique(
            np.concatenate([split[i] for split in splits for i, c in enumerate(cohorts) if c == cohort])
        )
        left = [_without(member, cohort, distances, splits, cohorts, whole) for member in members]
        variance += (len(members) - 1) * float(np.var(left))
        sizes.append(len(members))
    value = float(numerator / denominator)
    half = float(stats.t.ppf((1 + confidence) / 2, min(sizes) - 1) * np.sqrt(variance))
    return Quotient(value, max(value - half, 0.0), value + half)


def _without(
    member: int,
    cohort: int,
    distances: Callable[[Split], tuple[float, float]],
    splits: Sequence[Split],
    cohorts: Sequence[int],
    whole: np.ndarray,
) -> float:
    """The quotient where one subject is left out; splits without it stay as they are."""
    found = whole.copy()
    for number, split in enumerate(splits):
        kept = tuple(
            chosen[chosen != member] if c == cohort else chosen
            for chosen, c in zip(split, cohorts, strict=True)
        )
        if any(len(a) < len(b) for a, b in zip(kept, split, strict=True)):
            found[number] = distances(kept)
    numerator, denominator = found.mean(axis=0)
    return float(numerator / denominator)
