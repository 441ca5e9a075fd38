"""Precision, recall, density, coverage: values by hand, and what they must tell apart."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.metrics import manifold_scores

REAL = np.array([[0.0], [1], [3], [6]])
SYNTHETIC = np.array([[0.5], [2.5], [10]])


def test_values_by_hand() -> None:
    # Real radii (k = 1): 1, 1, 2, 3. 0.5 lies in the balls of 0 and 1; 2.5 in that of 3 (2.5 is 1.5 from 1,
    # outside its ball); 10 is 4 from 6: nowhere. Precision 2/3, density 3/3. Synthetic radii 2, 2, 7.5:
    # every real sample lies in one. The ball of 6 reaches to 3, exclusively; 2.5 is 3.5 away: coverage 3/4.
    scores = manifold_scores(REAL, SYNTHETIC, k=1)
    assert scores == pytest.approx((2 / 3, 1, 1, 3 / 4))


def test_neither_order_nor_rotation_nor_scale_matter() -> None:
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(40, 6)), rng.normal(size=(30, 6)) * 0.8
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    expected = manifold_scores(real, synthetic)
    assert manifold_scores(rng.permutation(real), rng.permutation(synthetic)) == pytest.approx(expected)
    assert manifold_scores(3 * real @ turn, 3 * synthetic @ turn) == pytest.approx(expected)


def test_a_set_covers_itself() -> None:
    real = np.random.default_rng(1).normal(size=(60, 4))
    scores = manifold_scores(real, real)
    assert scores.precision == scores.recall == scores.coverage == 1


def test_a_dropped_mode_costs_recall_and_coverage_and_not_precision() -> None:
    rng = np.random.default_rng(2)
    modes = [rng.normal(size=(100, 3)) + shift for shift in (0, 50)]
    scores = manifold_scores(np.concatenate(modes), rng.normal(size=(200, 3)))
    assert scores.precision > 0.9 and scores.recall < 0.6 and scores.coverage < 0.6


def test_samples_far_from_all_real_ones_have_no_precision() -> None:
    rng = np.random.default_rng(3)
    scores = manifold_scores(rng.normal(size=(50, 3)), rng.normal(size=(50, 3)) + 100)
    assert scores == pytest.approx((0, 0, 0, 0))


@pytest.mark.parametrize("k", [0, 3])
def test_refuses_a_k_that_the_smaller_set_does_not_have(k) -> None:
    with pytest.raises(ValueError, match="rows"):
        manifold_scores(REAL, SYNTHETIC, k=k)
