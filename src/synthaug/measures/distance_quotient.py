"""Quotient of two mean distances over random splits of the subjects, as columns of a result row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthaug.config.evaluation import EvaluationSettings
from synthaug.metrics.extrapolation import SubjectDistance
from synthaug.metrics.split_jackknife import Split, split_quotient
from synthaug.tables import Row


def count_patients(units: np.ndarray) -> int:
    """Number of patients, from the patient of each subject (`FeatureSet.units`)."""
    return len(np.unique(units))


def draw_visits(patients: np.ndarray, units: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Index of one random visit of each of some patients.

    Sets of one visit a patient have as many independent hearts as rows: a set with all visits would be nearer to
    the population than a set of as many patients with one visit each.

    Parameters
    ----------
    patients : ndarray, shape (n,)
        Numbers of patients in `units`.
    units : ndarray, shape (n_subjects,)
        Patient of each subject, from 0 in the order of first visits.
    rng : Generator
        Not used where every subject is a patient.
    """
    if count_patients(units) == len(units):
        return patients
    return np.array([rng.choice(np.flatnonzero(units == patient)) for patient in patients])


def random_splits(
    n: int, real: np.ndarray, settings: EvaluationSettings, synthetic: np.ndarray | None = None
) -> list[Split]:
    """Random sets of real subjects without a patient in common and, where there are synthetic ones, a set of those.

    Parameters
    ----------
    n : int
        Patients of each set, each with one of their visits; at most half the real patients, and the synthetic ones.
    real, synthetic : ndarray, shape (n_subjects,)
        Patient of each subject (`FeatureSet.units`); no synthetic set where `synthetic` is None.
    settings : EvaluationSettings
        Number of splits, seed.

    Returns
    -------
    list of tuple of ndarray, shape (n,)
        Indices of subjects: reference, other real ones and, if any, synthetic ones.
    """
    rng = np.random.default_rng(settings.seed)
    splits: list[Split] = []
    for _ in range(settings.splits):
        order = rng.permutation(count_patients(real))
        sets = [draw_visits(chosen, real, rng) for chosen in (order[:n], order[n : 2 * n])]
        if synthetic is not None:
            sets.append(draw_visits(rng.permutation(count_patients(synthetic))[:n], synthetic, rng))
        splits.append(tuple(sets))
    return splits


def distance_quotient(
    numerator: SubjectDistance,
    denominator: SubjectDistance,
    floor: SubjectDistance,
    splits: Sequence[Split],
    settings: EvaluationSettings,
    units: Sequence[np.ndarray] | None = None,
) -> Row:
    """Mean of one distance over splits divided by the mean of another, beside the same quotient of the floor.

    Parameters
    ----------
    numerator : SubjectDistance
        From the first set of a split, the reference, to its last.
    denominator, floor : SubjectDistance
        From the reference to the second set.
    splits : sequence of Split
        From `random_splits`.
    settings : EvaluationSettings
        Coverage of the interval.
    units : sequence of ndarray, shape (n_subjects,), optional
        Patient of each subject, of the first two sets' cohort and of a third set's; without it every subject is one.

    Returns
    -------
    dict
        Columns `status`, `n`, `value`, `ci_low`, `ci_high` (jackknife over patients, see
        `synthaug.metrics.split_jackknife`), `floor` and `floor_sd`: mean and standard deviation of the floor's
        distance over the mean of the denominator. Where that mean is 0 the status is ``not_measured``.
    """
    n = len(splits[0][0])

    def distances(split: Split) -> tuple[float, float]:
        return numerator(split[0], split[-1]), denominator(split[0], split[1])

    try:
        # The first two sets are of one cohort, a third is of another.
        quotient, whole = split_quotient(
            distances, splits, (0, 0, 1)[: len(splits[0])], settings.confidence, units
        )
    except ZeroDivisionError:
        return {"status": "not_measured", "n": n, "note": "the distance in the denominator is 0"}
    below = whole[:, 1].mean()
    floors = whole[:, 1]
    if floor is not denominator:
        floors = np.array([floor(reference, other) for reference, other, *_ in splits])
    return {
        "status": "ok",
        "n": n,
        "value": quotient.value,
        "ci_low": quotient.low,
        "ci_high": quotient.high,
        "floor": floors.mean() / below,
        "floor_sd": floors.std(ddof=1) / below,
    }
