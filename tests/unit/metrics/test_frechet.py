"""Fréchet distance: known Gaussians, both forms, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthaug.metrics import frechet_distance, frechet_from_moments


def rows(n: int, d: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


def with_moments(covariance: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """Rows whose sample mean is 0 and whose sample covariance (n - 1) is exactly `covariance`."""
    white = np.random.default_rng(seed).normal(size=(n, len(covariance)))
    white -= white.mean(axis=0)
    white = np.linalg.qr(white)[0] * np.sqrt(n - 1)
    return white @ np.linalg.cholesky(covariance).T


def test_two_gaussians_with_covariances_that_do_not_commute() -> None:
    first, second = np.array([[2.0, 1], [1, 2]]), np.diag([1.0, 3])
    expected = 8 - 2 * np.sqrt(14)  # trace 4 + 4; C1 C2 has trace 8 and determinant 9: sqrt(8 + 2 * 3)
    assert frechet_from_moments(np.zeros(2), first, np.zeros(2), second) == pytest.approx(expected, abs=1e-12)
    assert frechet_distance(with_moments(first, 7), with_moments(second, 9)) == pytest.approx(
        expected, abs=1e-12
    )
    assert expected == pytest.approx(0.516685, abs=5e-7)


def test_diagonal_covariances_give_the_difference_of_standard_deviations() -> None:
    a, b = np.array([4.0, 9, 1]), np.array([1.0, 16, 1])
    distance = frechet_from_moments(np.zeros(3), np.diag(a), np.array([0, 0, 3.0]), np.diag(b))
    assert distance == pytest.approx(1 + 1 + 0 + 9, abs=1e-12)


def test_monai_reference_value() -> None:
    assert frechet_distance(np.array([[1.0, 2]] * 3), np.array([[2.0, 2], [1, 2], [1, 2]])) == pytest.approx(
        4 / 9, abs=1e-12
    )


def test_shift_alone_is_its_squared_length() -> None:
    x = rows(50, 6, 1)
    shift = np.arange(6.0)
    assert frechet_distance(x, x + shift) == pytest.approx(shift @ shift, rel=1e-9)


@pytest.mark.parametrize(("n", "m", "d"), [(5, 8, 40), (60, 8, 40), (60, 90, 12)])
def test_agrees_with_the_matrix_square_root(n: int, m: int, d: int) -> None:
    x, y = rows(n, d, 2), rows(m, d, 3)
    c_x, c_y = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    eigenvalues = np.linalg.eigvals(c_x @ c_y)
    root_trace = np.sqrt(np.clip(eigenvalues.real, 0, None)).sum()
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(c_x + c_y) - 2 * root_trace
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)


def test_low_rank_and_eigenvalue_forms_are_one_number() -> None:
    x, y = rows(10, 10, 4), rows(10, 10, 5)  # n = d: the eigenvalue form
    padded = [np.hstack([z, np.zeros((10, 3))]) for z in (x, y)]  # n < d: the low-rank form
    assert frechet_distance(*padded) == pytest.approx(frechet_distance(x, y), rel=1e-8)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(3, 30), d=st.integers(1, 20))
def test_properties(seed: int, n: int, d: int) -> None:
    x, y = rows(n, d, seed), rows(n + 2, d, seed + 1)
    distance = frechet_distance(x, y)
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]
    scale = np.trace(np.cov(x.T).reshape(d, d)) + np.trace(np.cov(y.T).reshape(d, d))
    assert distance >= 0
    assert frechet_distance(y, x) == pytest.approx(distance, rel=1e-6, abs=1e-6 * scale)
    assert frechet_distance(x[::-1], y) == pytest.approx(distance, rel=1e-6, abs=1e-6 * scale)
    assert frechet_distance(x @ rotation, y @ rotation) == pytest.approx(distance, rel=1e-6, abs=1e-6 * scale)
    assert frechet_distance(3 * x, 3 * y) == pytest.approx(9 * distance, rel=1e-6, abs=1e-6 * scale)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-6 * scale)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((3, 2)), np.zeros((3, 3)), "equal d"),
        (np.zeros((1, 2)), np.zeros((3, 2)), "two rows"),
        (np.full((3, 2), np.nan), np.zeros((3, 2)), "not finite"),
    ],
)
def test_refuses(x: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        frechet_distance(x, y)
