"""Smoothed marginals keep mean and variance; normal scores are ranks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from synthaug.models.smoothed_marginals import SCORES, normal_scores, smoothed_quantiles


def draws(quantiles: np.ndarray) -> np.ndarray:
    scores = np.random.default_rng(0).standard_normal(50_000)
    return np.interp(scores, SCORES, quantiles)


def test_normal_values_have_a_straight_line_of_quantiles() -> None:
    values = 3 + 2 * norm.ppf((np.arange(500) + 0.5) / 500)
    middle = np.abs(SCORES) < 2
    assert smoothed_quantiles(values)[middle] == pytest.approx(3 + 2 * SCORES[middle], abs=0.06)


@pytest.mark.parametrize("width", [0.5, 1.0, 2.0])
def test_smoothing_keeps_mean_and_variance_of_a_skewed_sample(width) -> None:
    values = np.random.default_rng(1).exponential(1.0, 80)
    made = draws(smoothed_quantiles(values, width))
    assert made.mean() == pytest.approx(values.mean(), abs=0.02)
    assert made.std() == pytest.approx(values.std(ddof=1), rel=0.03)


@pytest.mark.parametrize("width", [0.2, 1.0, 2.0])
@pytest.mark.parametrize("n", [4, 8, 20])
def test_the_variance_of_few_values_stays(n, width) -> None:
    """Wide kernels of few values: with 4 values and twice the bandwidth the kernel is wider than the sample."""
    values = np.arange(n, dtype=float)
    quantiles = smoothed_quantiles(values, width)
    made = np.average((quantiles - values.mean()) ** 2, weights=norm.pdf(SCORES))
    assert made == pytest.approx(n * (n + 1) / 12, rel=0.02)


def test_quantiles_ascend_and_hardly_any_value_repeats() -> None:
    quantiles = smoothed_quantiles(np.array([1.0, 1.0, 1.0, 1.0, 1.0, 5.0]))
    assert (np.diff(quantiles) >= 0).all() and len(np.unique(quantiles)) > 300


def test_scores_by_hand() -> None:
    # Ranks 2.5 (twice), 1 and 4 of four known values.
    found = normal_scores(np.array([5.0, np.nan, 5.0, 1.0, 9.0]))
    expected = norm.ppf(np.array([0.5, np.nan, 0.5, 0.2, 0.8]))
    assert found == pytest.approx(expected, nan_ok=True)
