"""Extrapolated Fréchet distance: nearer to the truth than the plain one, and refused where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.metrics import extrapolated_frechet_distance, frechet_distance


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
