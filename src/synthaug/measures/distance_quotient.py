"""Quotient of two mean distances over random splits of the subjects, as columns of a result row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthaug.config.evaluation import EvaluationSettings
from synthaug.metrics.extrapolation import SubjectDistance
from synthaug.metrics.split_jackknife import Split, split_quotient
from synthaug.tables import Row


def random_splits(
    n: int, n_real: int, settings: EvaluationSettings, n_synthetic: int | None = None
) -> list[Split]:
    """Random disjoint sets of real subjects and, where there are synthetic ones, a set of those.

    Parameters
    ----------
    n : int
        Subjects of each set; at most `n_real` // 2 and `n_synthetic`.
    n_real, n_synthetic : int
        Subjects there are; no synthetic set where `n_synthetic` is None.
    settings : EvaluationSettings
        Number of splits, seed.

    Returns
    -------
    list of tuple of ndarray, shape (n,)
        Indices: reference, other real subjects and, if any, synthetic ones.
    """
    rng = np.random.default_rng(settings.seed)
    splits: list[Split] = []
    for _ in range(settings.splits):
        order = rng.permutation(n_real)
        sets = [order[:n], order[n : 2 * n]]
        if n_synthetic is not None:
            sets.append(rng.permutation(n_synthetic)[:n])
        splits.append(tuple(sets))
    return splits


def distance_quotient(
    numerator: SubjectDistance,
    denominator: SubjectDistance,
    floor: SubjectDistance,
    splits: Sequence[Split],
    settings: EvaluationSettings,
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

    Returns
    -------
    dict
        Columns `status`, `n`, `value`, `ci_low`, `ci_high` (jackknife over subjects, see
        `synthaug.metrics.split_jackknife`), `floor` and `floor_sd`: mean and standard deviation of the floor's
        distance over the mean of the denominator. Where that mean is 0 the status is ``not_measured``.
    """
    n = len(splits[0][0])

    def distances(split: Split) -> tuple[float, float]:
        return numerator(split[0], split[-1]), denominator(split[0], split[1])

    whole = np.array([distances(split) for split in splits])
    try:
        # The first two sets are of one cohort, a third is of another.
        quotient = split_quotient(distances, splits, (0, 0, 1)[: len(splits[0])], settings.confidence, whole)
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
