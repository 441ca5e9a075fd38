"""Quotients of mean distances over random splits, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.config.evaluation import EvaluationSettings
from synthaug.measures.distance_quotient import distance_quotient, random_splits

SETTINGS = EvaluationSettings(splits=10)


def test_sets_of_real_subjects_are_disjoint() -> None:
    for reference, other, synthetic in random_splits(4, np.arange(9), SETTINGS, np.arange(5)):
        assert len({*reference, *other}) == 8 and max(*reference, *other) < 9
        assert len(set(synthetic)) == 4 and max(synthetic) < 5
    assert {len(split) for split in random_splits(4, np.arange(9), SETTINGS)} == {2}


def test_constant_distances_divide_and_the_floor_is_in_the_same_unit() -> None:
    splits = random_splits(4, np.arange(8), SETTINGS, np.arange(6))
    row = distance_quotient(lambda a, b: 6.0, lambda a, b: 3.0, lambda a, b: 1.5, splits, SETTINGS)
    assert row == {"status": "ok", "n": 4, **dict.fromkeys(("value", "ci_low", "ci_high"), 2.0)} | {
        "floor": 0.5,
        "floor_sd": 0.0,
    }


def test_the_numerator_takes_the_synthetic_set_where_there_is_one() -> None:
    def mean_of_other(reference: np.ndarray, other: np.ndarray) -> float:
        return float(other.mean())

    splits = random_splits(3, np.arange(8), SETTINGS, np.arange(3))
    row = distance_quotient(mean_of_other, mean_of_other, mean_of_other, splits, SETTINGS)
    # All three synthetic subjects, 0, 1 and 2, are drawn: their mean index is 1 in every split.
    assert row["value"] == pytest.approx(1 / np.mean([other.mean() for _, other, _ in splits]))
    assert row["floor"] == pytest.approx(1)
    alone = distance_quotient(
        mean_of_other, mean_of_other, mean_of_other, random_splits(3, np.arange(8), SETTINGS), SETTINGS
    )
    assert alone["value"] == pytest.approx(1)


def test_a_denominator_of_zero_is_not_measured() -> None:
    row = distance_quotient(
        lambda a, b: 1.0,
        lambda a, b: 0.0,
        lambda a, b: 0.0,
        random_splits(4, np.arange(8), SETTINGS),
        SETTINGS,
    )
    assert row["status"] == "not_measured" and row["n"] == 4 and "denominator is 0" in row["note"]


def test_visits_of_a_patient_are_on_one_side_and_each_is_drawn() -> None:
    units = np.repeat(np.arange(6), [1, 4, 2, 3, 1, 1])
    seen: set[int] = set()
    for reference, other in random_splits(3, units, EvaluationSettings(splits=100)):
        patients = units[np.concatenate([reference, other])]
        assert sorted(patients) == list(range(6))
        seen |= {*reference.tolist(), *other.tolist()}
    assert seen == set(range(12))
