"""Correlations of incomplete samples: Ledoit and Wolf's where nothing is missing, honest where something is."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from synthaug.models.incomplete_normal import fit_correlation

TRUE = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.3], [0.0, 0.3, 1.0]])


def samples(n: int, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).multivariate_normal(np.zeros(3), TRUE, n)
    return (values - values.mean(axis=0)) / values.std(axis=0)


def test_complete_samples_have_the_estimate_of_ledoit_and_wolf() -> None:
    values = samples(60)
    covariance, _ = ledoit_wolf(values, assume_centered=True)
    scale = np.sqrt(np.diag(covariance))
    assert fit_correlation(values) == pytest.approx(covariance / np.outer(scale, scale), abs=1e-9)


def test_a_value_missing_for_half_is_estimated_from_the_others() -> None:
    values = samples(4000)
    # Missing where the second is large: complete cases alone would have a correlation of 0.6 or less.
    values[values[:, 1] > 0, 0] = np.nan
    complete = np.isfinite(values[:, 0])
    assert np.corrcoef(values[complete, 0], values[complete, 1])[0, 1] < 0.7
    # Scores are rescaled as a model does it, about a mean that is not the population's: 0.1 is the price.
    known = values[:, 0][complete]
    values[:, 0] = (values[:, 0] - known.mean() - 0.8 * (0 - values[complete, 1].mean())) / 1.0
    assert fit_correlation(values)[0, 1] == pytest.approx(0.8, abs=0.1)


def test_more_columns_than_samples_are_positive_definite() -> None:
    values = np.random.default_rng(1).standard_normal((10, 30))
    values[np.random.default_rng(2).random(values.shape) < 0.3] = np.nan
    found = fit_correlation(values)
    assert np.linalg.eigvalsh(found)[0] > 0 and np.diag(found) == pytest.approx(np.ones(30))
    # Nothing correlates, and ten samples cannot say that anything does.
    assert np.abs(found - np.eye(30)).max() < 0.6


def test_missing_more_shrinks_more() -> None:
    values = samples(200)
    holed = values.copy()
    holed[np.random.default_rng(3).random(values.shape) < 0.5] = np.nan
    assert abs(fit_correlation(holed)[0, 1]) < abs(fit_correlation(values)[0, 1]) < 0.85


def test_a_sample_without_any_value_adds_nothing() -> None:
    values = samples(50)
    more = np.concatenate([values, np.full((1, 3), np.nan)])
    assert fit_correlation(more) == pytest.approx(fit_correlation(values), abs=0.02)
