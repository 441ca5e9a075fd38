"""Statistics of distances over random splits of the subjects, with intervals over the subjects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

#: Disjoint sets of subjects of one random split, as indices; all splits have as many.
Split = tuple[np.ndarray, ...]
#: Patients are left out one by one up to this many, beyond in as many groups.
_GROUPS = 40
_FEWEST = 2  # subjects that a distance takes


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
    units: Sequence[np.ndarray] | None = None,
) -> tuple[list[Estimate], np.ndarray]:
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
    units : sequence of ndarray, shape (n_subjects,), optional
        For each cohort the patient of each index: all visits of a patient are left out together. Without it
        every subject is a patient.

    Returns
    -------
    estimates : list of Estimate
        One a statistic. Each patient (of more than 40, each of 40 groups that leave two in every set) is left out in turn,
        in all splits alike; the variances over the cohorts' patients add up, and the interval is Student's with as many
        degrees of freedom as the smallest cohort has patients (or groups), less one.
    whole : ndarray, shape (n_splits, n_distances)
        The distances of the splits.

    Notes
    -----
    Subjects drawn with replacement, as in a bootstrap, would repeat, which inflates a Fréchet distance at the
    numbers of subjects there are; leaving one out does not. One split is done with before the next begins, so that
    `distances` may keep what sets have in common.

    References
    ----------
    Efron and Stein, Ann. Stat. 9, 1981. Kott, J. Off. Stat. 17, 2001 (groups).
    """
    groups = {cohort: _groups(cohort, splits, cohorts, units) for cohort in dict.fromkeys(cohorts)}
    whole: list[np.ndarray] = []
    left: dict[int, list[list[np.ndarray]]] = {cohort: [[] for _ in groups[cohort]] for cohort in groups}
    for split in splits:
        whole.append(np.asarray(distances(split), float))
        for cohort, members in groups.items():
            for found, group in zip(left[cohort], members, strict=True):
                kept = _without(group, cohort, split, cohorts, units)
                # A split that nobody was left out of stays as it is.
                found.append(whole[-1] if kept is None else np.asarray(distances(kept), float))
    values = np.asarray(statistics(np.mean(whole, axis=0)), float)
    variances = np.zeros_like(values)
    for of_groups in left.values():
        replicates = [statistics(np.mean(distances_left, axis=0)) for distances_left in of_groups]
        variances += (len(of_groups) - 1) * np.var(replicates, axis=0)
    freedom = min(len(members) for members in groups.values()) - 1
    halves = stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(variances)
    estimates = [
        Estimate(float(value), float(value - half), float(value + half))
        for value, half in zip(values, halves, strict=True)
    ]
    return estimates, np.array(whole)


def split_quotient(
    distances: Callable[[Split], tuple[float, float]],
    splits: Sequence[Split],
    cohorts: Sequence[int],
    confidence: float,
    units: Sequence[np.ndarray] | None = None,
) -> tuple[Estimate, np.ndarray]:
    """Mean of one distance over splits divided by the mean of another; the interval is not below 0.

    Parameters
    ----------
    distances : callable
        Numerator and denominator of one split.
    splits, cohorts, confidence, units
        See `split_jackknife`.

    Returns
    -------
    quotient : Estimate
        The quotient and its interval.
    whole : ndarray, shape (n_splits, 2)
        Numerator and denominator of each split.

    Raises
    ------
    ZeroDivisionError
        The mean of the second distance is 0.
    """

    def quotient(means: np.ndarray) -> tuple[float]:
        if means[1] == 0:
            raise ZeroDivisionError("the second distance is 0")
        return (float(means[0] / means[1]),)

    (found,), whole = split_jackknife(distances, quotient, splits, cohorts, confidence, units)
    return found._replace(low=max(found.low, 0.0)), whole


def _groups(
    cohort: int, splits: Sequence[Split], cohorts: Sequence[int], units: Sequence[np.ndarray] | None
) -> list[np.ndarray]:
    """Patients of a cohort in any split, in the groups that are left out together."""
    drawn = [split[i] for split in splits for i, of in enumerate(cohorts) if of == cohort]
    sets = drawn if units is None else [units[cohort][indices] for indices in drawn]
    patients = np.unique(np.concatenate(sets))
    groups = np.array_split(patients, min(len(patients), _GROUPS))
    # A small set may lose so many of its few to one group that it has no distance: then each patient is a group.
    if any(np.isin(members, group, invert=True).sum() < _FEWEST for members in sets for group in groups):
        return np.array_split(patients, len(patients))
    return groups


def _without(
    left_out: np.ndarray,
    cohort: int,
    split: Split,
    cohorts: Sequence[int],
    units: Sequence[np.ndarray] | None,
) -> Split | None:
    """A split without some patients of a cohort; None where it has none of them."""
    kept = tuple(
        chosen[~np.isin(chosen if units is None else units[of][chosen], left_out)] if of == cohort else chosen
        for chosen, of in zip(split, cohorts, strict=True)
    )
    return kept if any(len(a) < len(b) for a, b in zip(kept, split, strict=True)) else None
