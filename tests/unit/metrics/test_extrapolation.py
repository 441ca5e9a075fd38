"""Extrapolated Fréchet distance: nearer to the truth than the plain one, and refused where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.measures.subject_frechet import SubjectFrechet
from synthaug.metrics import extrapolated_frechet_distance, frechet_distance
from synthaug.metrics.extrapolation import extrapolated_subject_distance


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_bias_is_gone(shift) -> None:
    rng = np.random.default_rng(0)
    plain, extrapolated = [], []
    for _ in range(20):
        real, synthetic = rng.normal(size=(200, 8)), rng.normal(size=(200, 8)) + shift
        plain.append(frechet_distance(real, synthetic))
        extrapolated.append(extrapolated_frechet_distance(real, synthetic))
    truth = 8 * shift**2
    assert abs(np.mean(extrapolated) - truth) < abs(np.mean(plain) - truth) / 3


def test_a_seed_repeats() -> None:
    rng = np.random.default_rng(1)
    real, synthetic = rng.normal(size=(2, 80, 3))
    first = extrapolated_frechet_distance(real, synthetic, seed=4)
    assert first == extrapolated_frechet_distance(real, synthetic, seed=4)
    assert first != extrapolated_frechet_distance(real, synthetic, seed=5)


def test_refused_with_few_rows() -> None:
    rng = np.random.default_rng(2)
    with pytest.raises(ValueError, match="31 rows of 4 features"):
        extrapolated_frechet_distance(rng.normal(size=(31, 4)), rng.normal(size=(90, 4)))


def test_the_bias_of_subjects_with_similar_rows_is_gone() -> None:
    """Two cohorts of one distribution: 0, however many rows a subject has."""
    rng, n, d = np.random.default_rng(3), 50, 6
    plain, extrapolated = [], []
    for _ in range(8):
        real, synthetic = (
            list(rng.normal(size=(n, 1, d)) + 0.3 * rng.normal(size=(n, 10, d))) for _ in range(2)
        )
        distance = SubjectFrechet(real, synthetic)
        plain.append(distance(np.arange(n), np.arange(n)))
        extrapolated.append(extrapolated_subject_distance(distance, (n, n), d))
    assert abs(np.mean(extrapolated)) < np.mean(plain) / 3


def test_rows_of_a_subject_are_no_subjects() -> None:
    rng = np.random.default_rng(4)
    # 16 subjects with 20 rows of 12 features beside 200 with one: samples of 22 subjects of 16 there are none.
    real, synthetic = list(rng.normal(size=(200, 1, 12))), list(rng.normal(size=(16, 20, 12)))
    with pytest.raises(ValueError, match=r"16 subjects and 12 features.*it takes 96"):
        extrapolated_subject_distance(SubjectFrechet(real, synthetic), (200, 16), 12)
