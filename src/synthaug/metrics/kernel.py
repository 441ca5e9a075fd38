"""Kernel distances: squared maximum mean discrepancy, cubic and unbiased (KID) or Gaussian (CMMD)."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from synthaug.metrics.frechet import check_features


def cubic_kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Polynomial kernel (x . y / d + 1)^3 between all rows, shape (n_first, n_second)."""
    base = first @ second.T / first.shape[1] + 1.0
    cubed: np.ndarray = base * base * base  # a power would take ten times as long
    return cubed


def kernel_distance(
    real: np.ndarray,
    synthetic: np.ndarray,
    subset_size: int | None = None,
    n_subsets: int = 100,
    seed: int = 0,
) -> float:
    """Unbiased squared maximum mean discrepancy with the cubic kernel.

    Parameters
    ----------
    real, synthetic : ndarray, shape (n_real, d), (n_synthetic, d)
        One feature vector a row. At least two rows each.
    subset_size : int, optional
        Rows drawn without replacement from each set for one estimate; without it there is
        one estimate, on all rows.
    n_subsets : int
        Estimates that are averaged where a subset size is given.
    seed : int
        Seed of the draws.

    Returns
    -------
    float
        The estimate, without unit. Unbiased, so it may lie below 0 where the sets are alike.

    Raises
    ------
    ValueError
        Unequal d, fewer than two rows, a value that is not finite, or a subset size below 2 or
        above the number of rows.

    References
    ----------
    Binkowski et al., Demystifying MMD GANs, ICLR 2018. Gretton et al., JMLR 13, 2012, eq. 3.
    """
    first, second = check_features(real, synthetic)
    if subset_size is None:
        return _unbiased(first, second)
    if not 2 <= subset_size <= min(len(first), len(second)):
        raise ValueError(
            f"a subset of {subset_size} rows cannot be drawn from {len(first)} and {len(second)}"
        )
    rng = np.random.default_rng(seed)
    estimates = [
        _unbiased(
            first[rng.choice(len(first), subset_size, replace=False)],
            second[rng.choice(len(second), subset_size, replace=False)],
        )
        for _ in range(n_subsets)
    ]
    return float(np.mean(estimates))


def gaussian_kernel_distance(real: np.ndarray, synthetic: np.ndarray, bandwidth: float = 10.0) -> float:
    """Squared maximum mean discrepancy with the Gaussian kernel, times 1000.

    Parameters
    ----------
    real, synthetic : ndarray, shape (n_real, d), (n_synthetic, d)
        One feature vector a row. At least two rows each.
    bandwidth : float
        Standard deviation of the kernel, in feature units.

    Returns
    -------
    float
        The biased estimate (pairs of a row with itself count), so it is 0 for identical sets and never
        negative. With CLIP features and the default bandwidth this is CMMD; on other features it is not,
        and no number of one bandwidth compares with one of another.

    Raises
    ------
    ValueError
        Unequal d, fewer than two rows, a value that is not finite, or a bandwidth that is not positive.

    References
    ----------
    Gretton et al., JMLR 13, 2012, eq. 5. Jayasumana et al., Rethinking FID, CVPR 2024.
    """
    first, second = check_features(real, synthetic)
    if not bandwidth > 0:
        raise ValueError(f"the bandwidth is {bandwidth:g}; it must be above 0")

    def mean(left: np.ndarray, right: np.ndarray) -> float:
        return float(gaussian_kernel(left, right, bandwidth).mean())

    return 1000 * max(mean(first, first) + mean(second, second) - 2 * mean(first, second), 0.0)


def gaussian_kernel(first: np.ndarray, second: np.ndarray, bandwidth: float = 10.0) -> np.ndarray:
    """exp(-|x - y|^2 / (2 bandwidth^2)) of every row (n, d) with every other (m, d): shape (n, m)."""
    kernel: np.ndarray = np.exp(-cdist(first, second, "sqeuclidean") / (2 * bandwidth**2))
    return kernel


def _unbiased(first: np.ndarray, second: np.ndarray) -> float:
    within = [(kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1))
              for kernel in (cubic_kernel(first, first), cubic_kernel(second, second))]  # fmt: skip
    return float(sum(within) - 2 * cubic_kernel(first, second).mean())
