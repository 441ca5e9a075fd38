"""Fréchet distance extrapolated to endless data."""

from __future__ import annotations

import numpy as np

from synthaug.metrics.frechet import check_features, frechet_distance

#: Rows per dimension that the smallest and the whole sample must have: below, the bias is not yet ~ 1 / n.
_SMALLEST, _WHOLE = 2, 8


def extrapolated_frechet_distance(
    real: np.ndarray, synthetic: np.ndarray, sizes: int = 15, draws: int = 4, seed: int = 0
) -> float:
    """Fréchet distance that endless sets of both kinds would have.

    Parameters
    ----------
    real, synthetic : ndarray, shape (n_real, d), (n_synthetic, d)
        One feature vector a row; rows should be independent (one a subject).
    sizes : int
        Sample sizes, evenly spaced in 1 / n, at which the distance is measured.
    draws : int
        Subsets of each size that are averaged.
    seed : int
        Seed of the subsets.

    Returns
    -------
    float
        Intercept of a least-squares line through distance against 1 / n, in squared feature units.
        It may lie below 0 where the sets are alike.

    Raises
    ------
    ValueError
        Fewer than 8 d rows in a set: with singular or nearly singular covariances the bias does not
        fall as 1 / n, and a line through it would mean nothing. Or what `frechet_distance` refuses.

    References
    ----------
    Chong and Forsyth, Effectively unbiased FID, CVPR 2020; here both sides are subsampled alike, because
    a cardiac study has no more real subjects than synthetic ones.
    """
    first, second = check_features(real, synthetic)
    n, d = min(len(first), len(second)), first.shape[1]
    if n < _WHOLE * d:
        raise ValueError(
            f"{n} rows of {d} features do not allow an extrapolation; it takes {_WHOLE} rows a feature: "
            "give more rows or fewer features"
        )
    rng = np.random.default_rng(seed)
    inverse = np.linspace(1 / n, 1 / (_SMALLEST * d), sizes)
    counts = np.round(1 / inverse).astype(int)
    distances = [
        np.mean([
            frechet_distance(first[rng.permutation(len(first))[:count]], second[rng.permutation(len(second))[:count]])
            for _ in range(draws)
        ])
        for count in counts
    ]  # fmt: skip
    return float(np.polynomial.Polynomial.fit(1 / counts, distances, deg=1).convert().coef[0])
