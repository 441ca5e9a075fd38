"""Distances between sets of subjects, who have several rows of features each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthaug.features.depth import THIRDS
from synthaug.features.files import FeatureSet
from synthaug.measures.subject_frechet import SubjectFrechet
from synthaug.metrics.extrapolation import SubjectDistance
from synthaug.metrics.kernel import cubic_kernel, gaussian_kernel

#: Kernel values (n, m) of rows (n, d) and (m, d).
Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]
#: Centre and matrix of each kind of features.
Transforms = dict[str, tuple[np.ndarray, np.ndarray]]

#: Metric -> kind of features it compares; ``"4d"`` joins the temporal and spatial ones of a subject.
#: and ``"paired"`` are those of images by an image-text network, at unit length.
KINDS = {
    "fid": "frames",
    "kid": "frames",
    "cmmd": "paired",
    "fvd_t": "temporal",
    "fvd_s": "spatial",
    "f4d": "4d",
}
#: FID by thirds of the stack, in which generators fail differently.
KINDS_BY_DEPTH = {f"fid_{third}": third for third in THIRDS}
#: Share of the mean variance added along each axis. Less of it finds shuffled frames a little better, but
#: fits the training subjects so closely that other real subjects seem far from them.
_RIDGE = 1.0


def fit_whitening(features: np.ndarray, ridge: float = _RIDGE) -> tuple[np.ndarray, np.ndarray]:
    """Centre and matrix that give features unit variance along their principal axes.

    Without it a Fréchet distance speaks of the one or two axes along which a network's features vary
    most (overall brightness, often), and is blind to the rest.

    Parameters
    ----------
    features : ndarray, shape (n, d)
        Real training features.
    ridge : float
        Share of the mean variance that is added along every axis, so that axes which hardly vary are not
        blown up.

    Returns
    -------
    centre : ndarray, shape (d,)
    matrix : ndarray, shape (d, d)
        Whitened features are ``(features - centre) @ matrix``: the identity where the features do not vary, or of fewer
        than two rows.
    """
    if len(features) < 2:  # thirds of the stack, where the training subjects have too few slices
        return np.zeros(features.shape[1]), np.eye(features.shape[1])
    centre = features.mean(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(np.cov(features, rowvar=False, dtype=np.float64))
    # Extractors give single precision: what varies less than its rounding does not vary.
    if values.mean() <= (np.finfo(np.float32).eps * np.abs(features).max()) ** 2:
        return centre, np.eye(features.shape[1])
    return centre, vectors / np.sqrt(np.clip(values, 0, None) + ridge * values.mean())


def fit_transforms(training: FeatureSet) -> Transforms:
    """Whitening of every kind of features, where the extractor asks for it, from real training subjects."""
    if not training.whiten or len(training.subjects) < 2:
        return {}
    return {kind: fit_whitening(np.concatenate(arrays)) for kind, arrays in training.features.items()}


def transformed_rows(features: FeatureSet, kind: str, transforms: Transforms) -> list[np.ndarray] | None:
    """One float64 array (n_rows, d) a subject, or None where the extractor has no such features."""
    if kind == "4d":
        temporal, spatial = (transformed_rows(features, part, transforms) for part in ("temporal", "spatial"))
        if temporal is None or spatial is None:
            return None
        return [
            np.concatenate([t.mean(axis=0), s.mean(axis=0)])[None]
            for t, s in zip(temporal, spatial, strict=True)
        ]
    if kind == "paired":
        # Without sentences beside them the features are not an image-text network's.
        if "text" not in features.features:
            return None
        frames = [rows.astype(np.float64) for rows in features.features["frames"]]
        lengths = [np.linalg.norm(rows, axis=1, keepdims=True) for rows in frames]
        # Features that are all 0 have no direction and stay 0.
        return [rows / np.where(length > 0, length, 1) for rows, length in zip(frames, lengths, strict=True)]
    if kind not in features.features:
        return None
    arrays = [rows.astype(np.float64) for rows in features.features[kind]]
    if kind not in transforms:
        return arrays
    centre, matrix = transforms[kind]
    return [(rows - centre) @ matrix for rows in arrays]


def subject_features(
    real: FeatureSet, synthetic: FeatureSet, training: FeatureSet
) -> tuple[np.ndarray, np.ndarray] | None:
    """The vectors F4D compares, one a subject, whitened by those of `training` where the extractor asks for it.

    Returns
    -------
    tuple of 2 ndarrays, shape (n_real, d), (n_synthetic, d), or None
        None where the extractor sees single images only.
    """
    transforms = fit_transforms(training)
    first, second = (transformed_rows(features, "4d", transforms) for features in (real, synthetic))
    if first is None or second is None:
        return None
    return np.concatenate(first), np.concatenate(second)


def patient_means(vectors: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Mean vector of each patient over its visits.

    Parameters
    ----------
    vectors : ndarray, shape (n_subjects, d)
    units : ndarray of int, shape (n_subjects,)
        Number of each subject's patient, from `FeatureSet.units`.

    Returns
    -------
    ndarray, shape (n_patients, d)
    """
    sums = np.zeros((units.max(initial=-1) + 1, vectors.shape[1]))
    np.add.at(sums, units, vectors)
    return sums / np.bincount(units, minlength=len(sums))[:, None]


def subject_distance(
    metric: str, real: list[np.ndarray], other: list[np.ndarray] | None = None
) -> SubjectDistance:
    """The distance between any subjects of one set and any of another, by their indices.

    Parameters
    ----------
    metric : str
        A name in `KINDS` or `KINDS_BY_DEPTH`.
    real : list of ndarray, shape (n_rows, d)
        Features of each subject of the first set, from `transformed_rows`.
    other : list of ndarray, shape (n_rows, d), optional
        The same of the second set; without it both are the first.
    """
    other = real if other is None else other
    if metric == "kid":
        return _kernel_distance(real, other, cubic_kernel, unbiased=True)
    if metric == "cmmd":
        biased = _kernel_distance(real, other, gaussian_kernel, unbiased=False)
        return lambda first, second: 1000 * max(biased(first, second), 0.0)
    return SubjectFrechet(real, other)


def _kernel_distance(
    real: list[np.ndarray], other: list[np.ndarray], kernel: Kernel, unbiased: bool
) -> SubjectDistance:
    """Squared kernel distance of subject sets, from kernel sums between subjects that are computed once.

    Unbiased, pairs of a row with itself do not count.
    """
    within = [_PairSums(arrays, arrays, kernel) for arrays in (real, other)]
    between = _PairSums(real, other, kernel)
    diagonals = [
        np.array([np.trace(kernel(rows, rows)) if unbiased else 0.0 for rows in arrays])
        for arrays in (real, other)
    ]
    sizes = [np.array([len(rows) for rows in arrays]) for arrays in (real, other)]

    def distance(first: np.ndarray, second: np.ndarray) -> float:
        total = 0.0
        counts = [sizes[side][chosen].sum() for side, chosen in enumerate((first, second))]
        for side, chosen in enumerate((first, second)):
            pairs = within[side].among(chosen, chosen).sum() - diagonals[side][chosen].sum()
            total += pairs / (counts[side] * (counts[side] - unbiased))
        return float(total - 2 * between.among(first, second).sum() / (counts[0] * counts[1]))

    return distance


class _PairSums:
    """Kernel sums between the rows of any two subjects, each computed where it is first asked for."""

    def __init__(self, first: list[np.ndarray], second: list[np.ndarray], kernel: Kernel) -> None:
        self._first, self._second, self._kernel = first, second, kernel
        self._sums = np.full((len(first), len(second)), np.nan)

    def among(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Sums of the subjects `first` with the subjects `second`, shape (n_first, n_second)."""
        others = np.unique(second)
        for index in np.unique(first):
            missing = others[np.isnan(self._sums[index, others])]
            if len(missing):
                self._add(index, missing)
        return self._sums[np.ix_(first, second)]

    def _add(self, index: int, others: np.ndarray) -> None:
        rows = [self._second[other] for other in others]
        starts = np.cumsum([0, *(len(part) for part in rows[:-1])])
        columns = self._kernel(self._first[index], np.concatenate(rows)).sum(axis=0)
        self._sums[index, others] = np.add.reduceat(columns, starts)
        if self._first is self._second:
            self._sums[others, index] = self._sums[index, others]
