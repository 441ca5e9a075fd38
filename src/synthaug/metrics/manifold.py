"""Fidelity and diversity apart: which samples lie where the other set's samples are dense."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from synthaug.metrics.frechet import check_features


class ManifoldScores(NamedTuple):
    """Scores of a synthetic set against a real one; the union of balls is each set's manifold.

    Attributes
    ----------
    precision : float
        Share of synthetic samples within a ball of a real sample.
    recall : float
        Share of real samples within a ball of a synthetic sample.
    density : float
        Balls of real samples that a synthetic sample lies in, in units of k; may exceed 1.
    coverage : float
        Share of real samples whose ball holds a synthetic sample.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold_scores(real: np.ndarray, synthetic: np.ndarray, k: int = 5) -> ManifoldScores:
    """Precision, recall, density and coverage in feature space.

    Parameters
    ----------
    real, synthetic : ndarray, shape (n_real, d), (n_synthetic, d)
        One feature vector a row.
    k : int
        The ball around a sample reaches, exclusively, to the k-th nearest other sample of its own set.

    Returns
    -------
    ManifoldScores

    Raises
    ------
    ValueError
        Unequal d, a value that is not finite, or not more than k rows in a set.

    Notes
    -----
    A sample exactly on the rim of a ball is outside (strict ``<``), as in the authors' code; public
    implementations with ``<=`` differ where distances tie. All four rest on single neighbours: below
    some 50 rows a set they are coarse.

    References
    ----------
    Kynkäänniemi et al., NeurIPS 2019 (precision, recall). Naeem et al., ICML 2020 (density, coverage).
    """
    first, second = check_features(real, synthetic)
    if not 1 <= k < min(len(first), len(second)):
        raise ValueError(
            f"k is {k}, there are {len(first)} and {len(second)} rows; k must be at least 1 and below both"
        )
    real_radii, synthetic_radii = _radii(first, k), _radii(second, k)
    between = cdist(first, second)
    in_real = between < real_radii[:, None]
    in_synthetic = between < synthetic_radii[None]
    return ManifoldScores(
        precision=float(in_real.any(axis=0).mean()),
        recall=float(in_synthetic.any(axis=1).mean()),
        density=float(in_real.sum(axis=0).mean() / k),
        coverage=float((between.min(axis=1) < real_radii).mean()),
    )


def _radii(features: np.ndarray, k: int) -> np.ndarray:
    """Distance of each row to its k-th nearest other row."""
    return np.partition(cdist(features, features), k, axis=1)[:, k]  # the nearest is the row itself
