"""Distances between real and synthetic cohorts in feature space, each beside its real-versus-real floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
from synthaug.metrics.definitions import fields_of
from synthaug.metrics.frechet import frechet_distance
from synthaug.metrics.kernel import cubic_kernel
from synthaug.tables import make_table

Row = dict[str, Any]
#: A distance between subjects of the real and subjects of the other set, given by their indices.
SubjectDistance = Callable[[np.ndarray, np.ndarray], float]

#: Metric -> kind of features it compares; ``"4d"`` joins the temporal and spatial ones of a subject.
KINDS = {"fid": "frames", "kid": "frames", "fvd_t": "temporal", "fvd_s": "spatial", "f4d": "4d"}
#: Share of the mean variance added along each axis. Less of it finds shuffled frames a little better, but
#: fits the training subjects so closely that other real subjects seem far from them.
_RIDGE = 1.0


def measure_distances(
    real: FeatureSet,
    synthetic: FeatureSet,
    references: Mapping[str, Sequence[str]],
    settings: EvaluationSettings,
    fields: Mapping[str, Any],
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """FID, KID, FVD-T, FVD-S and F4D of a synthetic cohort against sets of real subjects.

    Parameters
    ----------
    real, synthetic : FeatureSet
        Features by the same extractor.
    references : mapping of str to sequence of str
        Sets of real subjects to compare with: ``{"real train": [...], "real test": [...]}``. The first is the
        one whose features define the whitening, where the extractor asks for it.
    settings : EvaluationSettings
        Number of splits and replicates, coverage, seed.
    fields : mapping
        Columns that all rows share: generator, fold, seeds.
    progress : callable, optional
        Called with the distances done and to do.

    Returns
    -------
    DataFrame
        Result rows. The value is the mean distance between n real and n synthetic subjects over random draws;
        the floor the mean between disjoint sets of n real subjects, n being half the real subjects or all
        synthetic ones, whichever is less. For Fréchet distances a second row, ``<metric>_ratio``, is their
        quotient.
    """
    rows: list[Row] = []
    present = not (real.absent or synthetic.absent)
    if present and real.extractor != synthetic.extractor:
        raise ValueError(f"features are of two extractors, {real.extractor} and {synthetic.extractor}")
    transforms = _transforms(real.select(next(iter(references.values()))), real.whiten) if present else {}
    total = len(references) * len(KINDS)
    for place, (versus, subjects) in enumerate(references.items()):
        reference = real.select(subjects)
        about = {**fields, "versus": versus, "extractor": real.extractor}
        for done, (metric, kind) in enumerate(KINDS.items(), start=place * len(KINDS)):
            if progress is not None:
                progress(done, total)
            if not present:
                note = real.absent or synthetic.absent
                rows.append({**fields_of(metric), **about, "status": "extractor_absent", "note": note})
                continue
            first, second = (_of_kind(features, kind, transforms) for features in (reference, synthetic))
            if first is None or second is None:
                continue  # an extractor of single images says nothing about clips
            make = _kernel_distance if metric == "kid" else _frechet_distance
            rows += [{**row, **about} for row in _measure(metric, make(first), make(first, second),
                                                          len(first), len(second), settings)]  # fmt: skip
    if progress is not None:
        progress(total, total)
    return make_table(rows)


def subject_features(real: FeatureSet, synthetic: FeatureSet) -> tuple[np.ndarray, np.ndarray] | None:
    """The vectors F4D compares, one a subject, whitened by the real ones where the extractor asks for it.

    Returns
    -------
    tuple of 2 ndarrays, shape (n_real, d), (n_synthetic, d), or None
        None where the extractor sees single images only.
    """
    transforms = _transforms(real, real.whiten)
    found = [_of_kind(features, "4d", transforms) for features in (real, synthetic)]
    if found[0] is None or found[1] is None:
        return None
    return np.concatenate(found[0]), np.concatenate(found[1])


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
        Whitened features are ``(features - centre) @ matrix``.
    """
    centre = features.mean(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(np.cov(features, rowvar=False, dtype=np.float64))
    return centre, vectors / np.sqrt(np.clip(values, 0, None) + ridge * values.mean())


Transforms = dict[str, tuple[np.ndarray, np.ndarray]]


def _transforms(training: FeatureSet, whiten: bool) -> Transforms:
    if not whiten or len(training.subjects) < 2:
        return {}
    return {kind: fit_whitening(np.concatenate(arrays)) for kind, arrays in training.features.items()}


def _of_kind(features: FeatureSet, kind: str, transforms: Transforms) -> list[np.ndarray] | None:
    """One float64 array (n_rows, d) a subject, or None where the extractor has no such features."""
    if kind == "4d":
        temporal, spatial = (_of_kind(features, part, transforms) for part in ("temporal", "spatial"))
        if temporal is None or spatial is None:
            return None
        return [
            np.concatenate([t.mean(axis=0), s.mean(axis=0)])[None]
            for t, s in zip(temporal, spatial, strict=True)
        ]
    if kind not in features.features:
        return None
    arrays = [rows.astype(np.float64) for rows in features.features[kind]]
    if kind not in transforms:
        return arrays
    centre, matrix = transforms[kind]
    return [(rows - centre) @ matrix for rows in arrays]


def _frechet_distance(real: list[np.ndarray], other: list[np.ndarray] | None = None) -> SubjectDistance:
    other = real if other is None else other

    def distance(first: np.ndarray, second: np.ndarray) -> float:
        rows = [
            np.concatenate([arrays[i] for i in chosen]) for arrays, chosen in ((real, first), (other, second))
        ]
        return frechet_distance(*rows)

    return distance


def _kernel_distance(real: list[np.ndarray], other: list[np.ndarray] | None = None) -> SubjectDistance:
    """Kernel distance of subject sets, from kernel sums between subjects that are computed once."""
    other = real if other is None else other
    within = [_kernel_sums(arrays, arrays) for arrays in (real, other)]
    between = _kernel_sums(real, other)
    diagonals = [
        np.array([np.trace(cubic_kernel(rows, rows)) for rows in arrays]) for arrays in (real, other)
    ]
    sizes = [np.array([len(rows) for rows in arrays]) for arrays in (real, other)]

    def distance(first: np.ndarray, second: np.ndarray) -> float:
        total = 0.0
        counts = [sizes[side][chosen].sum() for side, chosen in enumerate((first, second))]
        for side, chosen in enumerate((first, second)):
            pairs = within[side][np.ix_(chosen, chosen)].sum() - diagonals[side][chosen].sum()
            total += pairs / (counts[side] * (counts[side] - 1))
        return float(total - 2 * between[np.ix_(first, second)].sum() / (counts[0] * counts[1]))

    return distance


def _kernel_sums(first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
    stacked = np.concatenate(second)
    starts = np.cumsum([0, *(len(rows) for rows in second[:-1])])
    return np.array([np.add.reduceat(cubic_kernel(rows, stacked).sum(axis=0), starts) for rows in first])


def _measure(
    metric: str,
    real_distance: SubjectDistance,
    distance: SubjectDistance,
    n_real: int,
    n_synthetic: int,
    settings: EvaluationSettings,
) -> list[Row]:
    """The row of one distance and, for a Fréchet distance, the row of its ratio to the floor."""
    shared, ratio = fields_of(metric), {**fields_of(metric, "_ratio"), "unit": "1"}
    n = min(n_real // 2, n_synthetic)
    if n < 2:
        why = f"{n_real} real and {n_synthetic} synthetic subjects; at least 4 and 2 are needed"
        absent = {"status": "not_measured", "note": why, "n": n}
        return [{**shared, **absent}] + ([] if metric == "kid" else [{**ratio, **absent}])
    rng = np.random.default_rng(settings.seed)
    floors, values = [], []
    for _ in range(settings.splits):
        order = rng.permutation(n_real)
        floors.append(real_distance(order[:n], order[n : 2 * n]))
        values.append(distance(order[:n], rng.permutation(n_synthetic)[:n]))
    value, floor = float(np.mean(values)), float(np.mean(floors))
    replicates = np.array([
        distance(rng.integers(n_real, size=n_real), rng.integers(n_synthetic, size=n_synthetic))
        for _ in range(settings.distance_replicates)
    ])  # fmt: skip
    # Drawing with replacement repeats subjects, which inflates a Fréchet distance: only the spread is used.
    tails = np.array([(1 - settings.confidence) / 2, (1 + settings.confidence) / 2])
    low, high = value + np.quantile(replicates, tails) - replicates.mean()
    if metric != "kid":
        low = max(low, 0.0)
    facts: Row = {
        "status": "ok",
        "n": n,
        "note": _note(n, n_real, n_synthetic),
    }
    row = {**shared, **facts, "value": value, "ci_low": low, "ci_high": high, "floor": floor}
    rows = [{**row, "floor_sd": float(np.std(floors, ddof=1))}]
    if metric != "kid":
        relative = {"value": value / floor, "ci_low": low / floor, "ci_high": high / floor}
        rows.append({**ratio, **facts, **relative} if floor > 0 else
                    {**ratio, "status": "not_measured", "note": "the floor is 0", "n": n})  # fmt: skip
    return rows


def _note(n: int, n_real: int, n_synthetic: int) -> str:
    if n == n_synthetic:
        return ""
    return f"n is half of {n_real} real subjects, so that the floor has as many; {n_synthetic} are synthetic"
