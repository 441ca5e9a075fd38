"""Data-copying statistic C_T: distances of synthetic and of new real subjects to the training set, by region."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from synthaug.measures.memorisation.estimates import Estimate
from synthaug.metrics.percentile_bootstrap import percentile_interval

_COMPONENTS = 64
_REGIONS = 3
#: Held-out and synthetic subjects without which C_T says nothing; a region counts with a quarter of them.
FEWEST = 20
_FEWEST_IN_REGION = 5
_REPLICATES = 500


def data_copying(
    training: np.ndarray,
    held_out: np.ndarray,
    synthetic: np.ndarray,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate | None:
    """Data-copying statistic C_T, with an interval over subjects.

    Parameters
    ----------
    training, held_out, synthetic : ndarray, shape (n, d), (n_held_out, d), (n_synthetic, d)
        One feature vector a subject; at least 20 held out and 20 synthetic.
    seed : int
        Of k-means and of the bootstrap.
    confidence : float
        Coverage of the interval: a percentile bootstrap over held-out and synthetic subjects, the training
        set and its regions being given.

    Returns
    -------
    Estimate or None
        `value` is the mean over regions, weighted by their held-out subjects, of the standardised
        Mann-Whitney statistic of the distances to the nearest training subject: about 0 where synthetic
        subjects are as far as new real ones, far below 0 (-3 and less) where they were copied, far above where
        they lie off the data. `n` counts the synthetic subjects of the regions used. None where no region has
        five subjects of both kinds, or too few are given.

    References
    ----------
    Meehan, Chaudhuri and Dasgupta, A non-parametric test to detect data-copying in generative models, AISTATS
    2020. Regions as in dgm-eval: k-means of 3 on at most 64 principal components of the training set.
    """
    if min(len(held_out), len(synthetic)) < FEWEST or len(training) < FEWEST:
        return None
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    components = min(_COMPONENTS, training.shape[1], len(training) - 1)
    axes = PCA(components, svd_solver="full").fit(training)
    training, held_out, synthetic = (axes.transform(rows) for rows in (training, held_out, synthetic))
    regions = KMeans(_REGIONS, n_init=10, random_state=seed).fit(training)
    region_of = [regions.predict(rows) for rows in (held_out, synthetic)]
    pairs = []
    for region in range(_REGIONS):
        own = training[regions.labels_ == region]
        if not len(own):  # fewer distinct training subjects than regions
            continue
        inside = [
            cdist(rows[of == region], own).min(axis=1)
            for rows, of in zip((held_out, synthetic), region_of, strict=True)
        ]
        if min(map(len, inside)) >= _FEWEST_IN_REGION:
            pairs.append(inside)
    if not pairs:
        return None
    rng = np.random.default_rng(seed)
    drawn = [
        _weighted([[rng.choice(side, len(side)) for side in pair] for pair in pairs])
        for _ in range(_REPLICATES)
    ]
    return Estimate(
        _weighted(pairs),
        *percentile_interval(np.array(drawn), confidence),
        sum(len(pair[1]) for pair in pairs),
    )


def _weighted(pairs: list[list[np.ndarray]]) -> float:
    weights = [len(held_out) for held_out, _ in pairs]
    return float(np.average([standardised_rank_sum(*pair) for pair in pairs], weights=weights))


def standardised_rank_sum(held_out: np.ndarray, synthetic: np.ndarray) -> float:
    """Mann-Whitney U of synthetic over held-out distances, in standard deviations from its mean.

    Negative where synthetic distances are the smaller ones.
    """
    n, m = len(held_out), len(synthetic)
    ranks = rankdata(np.concatenate([held_out, synthetic]))[n:]
    u = ranks.sum() - m * (m + 1) / 2
    return float((u - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))
