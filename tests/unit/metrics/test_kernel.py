"""Kernel distances: values computed by hand, unbiasedness and subsets."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.metrics import gaussian_kernel_distance, kernel_distance

X = np.array([[0.0, 0], [1, 0], [0, 1]])
Y = np.array([[1.0, 1], [2, 0], [0, 2]])


def test_value_by_hand() -> None:
    # Within X the kernel is 1 for all three pairs: mean 1. Within Y: (1,1).(2,0) = 2 gives 8 twice and
    # (2,0).(0,2) = 0 gives 1: mean 17/3. Between: 1 with the origin (3 pairs); (1,0) and (0,1) each see
    # 1.5^3, 2^3, 1: sum 2 * 12.375. MMD = 1 + 17/3 - 2 * (3 + 24.75) / 9 = 0.5.
    assert kernel_distance(X, Y) == pytest.approx(0.5, abs=1e-12)


def test_symmetric_and_independent_of_order() -> None:
    assert kernel_distance(Y, X) == pytest.approx(0.5, abs=1e-12)
    assert kernel_distance(X[[2, 0, 1]], Y[::-1]) == pytest.approx(0.5, abs=1e-12)


def test_rotation_changes_nothing() -> None:
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert kernel_distance(X @ turn, Y @ turn) == pytest.approx(0.5, abs=1e-12)


def test_unbiased_on_one_distribution() -> None:
    rng = np.random.default_rng(0)
    estimates = [kernel_distance(rng.normal(size=(20, 5)), rng.normal(size=(20, 5))) for _ in range(400)]
    assert min(estimates) < 0
    assert abs(np.mean(estimates)) < 3 * np.std(estimates) / np.sqrt(400)


def test_subsets_of_all_rows_are_the_whole_and_seeds_repeat() -> None:
    assert kernel_distance(X, Y, subset_size=3, n_subsets=4) == pytest.approx(0.5, abs=1e-12)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 4)) + 1
    first = kernel_distance(x, y, subset_size=10, n_subsets=50, seed=3)
    assert first == kernel_distance(x, y, subset_size=10, n_subsets=50, seed=3)
    assert first != kernel_distance(x, y, subset_size=10, n_subsets=50, seed=4)
    assert first == pytest.approx(kernel_distance(x, y), rel=0.5)


def test_refuses_a_subset_larger_than_the_set() -> None:
    with pytest.raises(ValueError, match="4 rows"):
        kernel_distance(X, Y, subset_size=4)


def test_gaussian_value_by_hand() -> None:
    # Two points a from two points b, all within a set alike: 1 + 1 - 2 exp(-d^2 / 2 s^2), times 1000.
    first, second = np.zeros((2, 1)), np.full((2, 1), 3.0)
    expected = 1000 * (2 - 2 * np.exp(-9 / 8))
    assert gaussian_kernel_distance(first, second, bandwidth=2) == pytest.approx(expected, rel=1e-12)
    assert gaussian_kernel_distance(X, Y) == pytest.approx(8.85488, abs=5e-6)


def test_gaussian_distance_of_a_set_to_itself_is_zero() -> None:
    features = np.random.default_rng(0).normal(size=(20, 5))
    assert gaussian_kernel_distance(features, features[::-1]) == pytest.approx(0, abs=1e-9)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    assert gaussian_kernel_distance(features @ turn, features + 2) == pytest.approx(
        gaussian_kernel_distance(features + 2, features @ turn), rel=1e-12
    )


def test_gaussian_refuses_a_bandwidth_of_nothing() -> None:
    with pytest.raises(ValueError, match="bandwidth"):
        gaussian_kernel_distance(X, Y, bandwidth=0)
