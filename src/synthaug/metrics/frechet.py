"""Fréchet distance between two sets of features, exact in float64 and without any regularisation."""

from __future__ import annotations

import numpy as np


def check_features(real: np.ndarray, synthetic: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two feature sets as float64, or a ValueError that says what cannot be compared.

    Parameters
    ----------
    real, synthetic : ndarray, shape (n_real, d), (n_synthetic, d)
        One feature vector a row. At least two rows each.

    Raises
    ------
    ValueError
        Not two-dimensional, unequal d, fewer than two rows, or a value that is not finite.
    """
    first, second = np.asarray(real, np.float64), np.asarray(synthetic, np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(f"features must be (n, d) with equal d; they are {first.shape} and {second.shape}")
    if min(len(first), len(second)) < 2:
        raise ValueError(
            f"at least two rows of features are needed; there are {len(first)} and {len(second)}"
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("features hold a value that is not finite")
    return first, second


def frechet_distance(real: np.ndarray, synthetic: np.ndarray) -> float:
    """Fréchet distance between two sets of features.

    Parameters
    ----------
    real, synthetic : ndarray, shape (n_real, d), (n_synthetic, d)
        One feature vector a row. At least two rows each.

    Returns
    -------
    float
        ||mu_r - mu_s||^2 + tr(C_r + C_s - 2 (C_r C_s)^(1/2)), in squared feature units;
        covariances divide by n - 1. Never negative beyond rounding, which is cut at 0.

    Raises
    ------
    ValueError
        Unequal d, fewer than two rows, or a value that is not finite.

    Notes
    -----
    With centred rows A, B scaled so that C_r = A^T A and C_s = B^T B, the trace of
    (C_r C_s)^(1/2) is the nuclear norm of A B^T. Where a set has fewer rows than dimensions
    this n_real x n_synthetic matrix is the smaller problem, and exact where a matrix square
    root of a singular covariance is not.

    References
    ----------
    Dowson and Landau, J. Multivar. Anal. 12, 1982. Heusel et al., NeurIPS 2017.
    """
    first, second = check_features(real, synthetic)
    mean_first, mean_second = first.mean(axis=0), second.mean(axis=0)
    first = (first - mean_first) / np.sqrt(len(first) - 1)
    second = (second - mean_second) / np.sqrt(len(second) - 1)
    if min(len(first), len(second)) >= first.shape[1]:
        return frechet_from_moments(mean_first, first.T @ first, mean_second, second.T @ second)
    root_trace = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    traces = np.square(first).sum() + np.square(second).sum()
    return _combine(mean_first - mean_second, traces, root_trace)


def frechet_from_moments(
    mean_real: np.ndarray,
    covariance_real: np.ndarray,
    mean_synthetic: np.ndarray,
    covariance_synthetic: np.ndarray,
) -> float:
    """Fréchet distance between two Gaussians, by symmetric eigenvalue problems.

    Parameters
    ----------
    mean_real, mean_synthetic : ndarray, shape (d,)
        Means.
    covariance_real, covariance_synthetic : ndarray, shape (d, d)
        Symmetric positive semi-definite covariances.

    Returns
    -------
    float
        The distance, in squared feature units.

    Notes
    -----
    The eigenvalues of C_r C_s are those of the symmetric C_r^(1/2) C_s C_r^(1/2): real and
    not negative, so that nothing imaginary can be dropped; rounding below 0 is cut there.
    """
    return frechet_from_root(
        mean_real, covariance_root(covariance_real), mean_synthetic, covariance_synthetic
    )


def covariance_root(covariance: np.ndarray) -> np.ndarray:
    """Symmetric square root (d, d) of a covariance; eigenvalues that rounding made negative are 0."""
    values, vectors = np.linalg.eigh(covariance)
    root: np.ndarray = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root


def frechet_from_root(
    mean_real: np.ndarray, root_real: np.ndarray, mean_synthetic: np.ndarray, covariance_synthetic: np.ndarray
) -> float:
    """Fréchet distance between two Gaussians where the root of one covariance is known.

    Parameters
    ----------
    mean_real, mean_synthetic : ndarray, shape (d,)
        Means.
    root_real : ndarray, shape (d, d)
        From `covariance_root`; it takes most of the time of a distance.
    covariance_synthetic : ndarray, shape (d, d)
        Covariance of the other set. The distance is symmetric: either set may be the one with the root.

    Returns
    -------
    float
        As `frechet_from_moments`.
    """
    products = np.linalg.eigvalsh(root_real @ covariance_synthetic @ root_real)
    root_trace = np.sqrt(np.clip(products, 0, None)).sum()
    traces = np.square(root_real).sum() + np.trace(covariance_synthetic)
    return _combine(mean_real - mean_synthetic, traces, root_trace)


def _combine(mean_difference: np.ndarray, traces: float, root_trace: float) -> float:
    return max(float(mean_difference @ mean_difference + traces - 2 * root_trace), 0.0)
