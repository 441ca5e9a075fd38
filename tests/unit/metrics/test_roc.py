"""Area under the ROC curve and DeLong's variance, by hand and beside other ways."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from synthaug.metrics.roc import delong, ordered_pairs, weighted_auc


def test_three_positive_and_two_negative_patients_by_hand() -> None:
    """Scores 3, 1, 4 against 2, 0: pairs in order are (1, 1), (0, 1), (1, 1), so 5 of 6.

    Means of the positive patients are 1, 1/2, 1: variance 1/12. Of the negative ones 2/3, 1: variance 1/18. DeLong's
    variance is 1/12 / 3 + 1/18 / 2 = 1/18.
    """
    pairs = ordered_pairs(np.array([[3.0, 1.0, 4.0]]), np.array([[2.0, 0.0]]))
    assert pairs.tolist() == [[1, 1], [0, 1], [1, 1]]
    area = delong(pairs)
    assert area.value == pytest.approx(5 / 6) and area.variance == pytest.approx(1 / 18)


def test_equal_scores_count_half() -> None:
    assert delong(ordered_pairs(np.zeros((1, 3)), np.zeros((1, 4)))) == (0.5, 0.0)


def test_the_area_is_that_of_scikit_learn_and_the_variance_that_of_a_bootstrap() -> None:
    random = np.random.default_rng(0)
    positive, negative = random.normal(1, 1, (1, 60)), random.normal(0, 1, (1, 90))
    pairs = ordered_pairs(positive, negative)
    area = delong(pairs)
    truth = np.repeat([1, 0], [60, 90])
    assert area.value == pytest.approx(roc_auc_score(truth, np.concatenate([positive[0], negative[0]])))
    counts = [random.multinomial(n, np.full(n, 1 / n), 4000) for n in (60, 90)]
    samples = weighted_auc(pairs, *counts)
    assert samples.std() == pytest.approx(area.variance**0.5, rel=0.08)


def test_two_trainings_have_the_variance_of_their_mean_area() -> None:
    """DeLong's covariance of two areas of the same patients, in full."""
    random = np.random.default_rng(1)
    positive, negative = random.normal(0.8, 1, (2, 20)), random.normal(0, 1, (2, 25))
    alone = [ordered_pairs(positive[[run]], negative[[run]]) for run in (0, 1)]
    covariance = sum(np.cov([pairs.mean(axis=axis) for pairs in alone]) / n for axis, n in ((1, 20), (0, 25)))
    area = delong(ordered_pairs(positive, negative))
    assert area.value == pytest.approx(np.mean([pairs.mean() for pairs in alone]))
    assert area.variance == pytest.approx(covariance.sum() / 4)


def test_folds_are_not_compared_with_each_other() -> None:
    """The second fold's scores are all higher; within each fold the order is perfect."""
    nan = np.nan
    positive = np.array([[2.0, nan], [nan, 12.0]])
    negative = np.array([[1.0, nan], [nan, 11.0]])
    pairs = ordered_pairs(positive, negative)
    assert np.isnan(pairs[0, 1]) and np.isnan(pairs[1, 0])
    assert delong(pairs).value == 1
    assert np.isnan(weighted_auc(pairs, np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])))[0]


def test_one_patient_on_a_side_has_no_variance() -> None:
    area = delong(ordered_pairs(np.array([[1.0]]), np.array([[0.0, 2.0]])))
    assert area.value == 0.5 and np.isnan(area.variance)
    assert np.isnan(delong(np.full((2, 2), np.nan)).value)
