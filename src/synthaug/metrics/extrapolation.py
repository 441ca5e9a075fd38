"""Fréchet distance extrapolated to infinite sample size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthaug.metrics.frechet import check_features, frechet_distance

#: Independent rows (subjects) per dimension that the smallest and the whole sample must have: below, the bias is not yet ~ 1 / n.
_SMALLEST, _WHOLE = 2, 8
#: Subjects a cohort must have: a line through fewer is drawn by a few hearts.
_FEWEST_SUBJECTS = 16
#: A distance between items of one set and items of another, given by their indices.
SubjectDistance = Callable[[np.ndarray, np.ndarray], float]


def extrapolated_frechet_distance(
    real: np.ndarray, synthetic: np.ndarray, sizes: int = 15, draws: int = 4, seed: int = 0
) -> float:
    """Fréchet distance of sets of infinite size.

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

    def distance(chosen: np.ndarray, others: np.ndarray) -> float:
        return frechet_distance(first[chosen], second[others])

    return _intercept(distance, (len(first), len(second)), _SMALLEST * d, sizes, draws, seed)


def extrapolated_subject_distance(
    distance: SubjectDistance,
    counts: tuple[int, int],
    d: int,
    sizes: int = 8,
    draws: int = 2,
    seed: int = 0,
) -> float:
    """Fréchet distance of cohorts of infinitely many subjects, each with one row or several.

    Parameters
    ----------
    distance : callable
        Of the subjects of both sets by their indices (`synthaug.measures.subject_distances`).
    counts : tuple of 2 int
        Subjects of each set.
    d : int
        Length of a row.
    sizes, draws, seed
        As for `extrapolated_frechet_distance`; subjects are drawn, with all of their rows.

    Returns
    -------
    float
        Intercept of the line through distance against 1 / number of subjects.

    Raises
    ------
    ValueError
        A set of fewer than 16 subjects or 8 d subjects. Rows of one subject are alike: more of them are no more subjects,
        and with fewer subjects than this the bias does not fall as 1 / number of subjects.
    """
    n, needed = min(counts), max(_WHOLE * d, _FEWEST_SUBJECTS)
    if n < needed:
        raise ValueError(
            f"{n} subjects and {d} features do not allow an extrapolation; it takes {needed} subjects a set"
        )
    return _intercept(distance, counts, max(_SMALLEST * d, _FEWEST_SUBJECTS // 4), sizes, draws, seed)


def _intercept(
    distance: SubjectDistance, counts: tuple[int, int], smallest: int, sizes: int, draws: int, seed: int
) -> float:
    """Value at 1 / n = 0 of the line through distances between samples of n of each side."""
    rng = np.random.default_rng(seed)
    inverse = np.linspace(1 / min(counts), 1 / smallest, sizes)
    drawn = np.round(1 / inverse).astype(int)
    distances = [
        np.mean([distance(*(rng.permutation(count)[:n] for count in counts)) for _ in range(draws)])
        for n in drawn
    ]
    return float(np.polynomial.Polynomial.fit(1 / drawn, distances, deg=1).convert().coef[0])
