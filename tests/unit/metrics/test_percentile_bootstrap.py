"""Percentile intervals: quantiles by hand, an interval of a mean that covers as often as it says."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.metrics import bootstrap_mean_interval, percentile_interval
from synthaug.metrics.percentile_bootstrap import resampled


def test_percentiles_by_hand() -> None:
    assert percentile_interval(np.arange(101.0), 0.9) == pytest.approx((5, 95))
    assert percentile_interval(np.array([3.0])) == (3, 3)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_ends_are_the_quantiles_of_the_tails_to_the_last_digit(confidence: float) -> None:
    rng = np.random.default_rng(0)
    for replicates in (rng.normal(0.9, 0.01, 1999), rng.integers(1, 5, 2000)):  # differences; ranks
        tails = [(1 - confidence) / 2, (1 + confidence) / 2]
        assert percentile_interval(replicates, confidence) == tuple(np.quantile(replicates, tails))


@pytest.mark.parametrize(("replicates", "confidence"), [(np.empty(0), 0.95), (np.ones(3), 1.0)])
def test_an_interval_needs_replicates_and_a_coverage(replicates: np.ndarray, confidence: float) -> None:
    with pytest.raises(ValueError, match="an interval needs replicates"):
        percentile_interval(replicates, confidence)


def test_interval_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    low, high = bootstrap_mean_interval(values, 4000, seed=1)
    # Normal approximation: mean -/+ 1.96 standard errors of 2 / sqrt(400).
    assert (low, high) == pytest.approx((values.mean() - 0.196, values.mean() + 0.196), abs=0.02)
    assert bootstrap_mean_interval(values, 4000, seed=1) == (low, high)
    assert bootstrap_mean_interval(np.full(4, 7.0), 10) == (7, 7)


def test_samples_in_blocks_are_those_drawn_at_once(monkeypatch):
    values = np.random.default_rng(1).normal(size=37)
    monkeypatch.setattr("synthaug.metrics.percentile_bootstrap._DRAWN", 100)
    blocks = list(resampled(values, 11, np.random.default_rng(0)))
    assert [len(block) for block in blocks] == [2, 2, 2, 2, 2, 1]
    drawn = np.random.default_rng(0).integers(37, size=(11, 37))
    np.testing.assert_array_equal(np.concatenate(blocks), values[drawn])
