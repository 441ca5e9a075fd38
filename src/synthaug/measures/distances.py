"""Distances between real and synthetic cohorts in feature space, each beside its real-versus-real floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
from synthaug.measures.distance_quotient import random_splits
from synthaug.measures.measurement import Measurement
from synthaug.measures.subject_distances import (
    KINDS,
    KINDS_BY_DEPTH,
    fit_transforms,
    subject_distance,
    transformed_rows,
)
from synthaug.metric_registry import columns_of
from synthaug.metrics.extrapolation import SubjectDistance, extrapolated_subject_distance
from synthaug.metrics.split_jackknife import Estimate, Split, split_jackknife
from synthaug.tables import Row, make_table


def measure_distances(
    real: FeatureSet,
    synthetic: FeatureSet,
    references: Mapping[str, Sequence[str]],
    measurement: Measurement,
) -> pd.DataFrame:
    """FID (also by depth), KID, CMMD, FVD-T, FVD-S and F4D of a synthetic cohort against sets of real subjects.

    Parameters
    ----------
    real, synthetic : FeatureSet
        Features by the same extractor.
    references : mapping of str to sequence of str
        Sets of real subjects to compare with: ``{"real train": [...], "real test": [...]}``. The first is the
        one whose features define the whitening, where the extractor asks for it.
    measurement : Measurement
        Generator, fold and seeds; number of splits, coverage, seed. Progress counts distances.

    Returns
    -------
    DataFrame
        Result rows. The value is the mean distance between n real and n synthetic subjects over random draws;
        the floor the mean between disjoint sets of n real subjects, n being half the real subjects or all
        synthetic ones, whichever is less. For Fréchet distances a second row, ``<metric>_ratio``, is their
        quotient, and a third, ``<metric>_extrapolated``, its value extrapolated to infinite sample
        size, where n allows it.
    """
    rows: list[Row] = []
    present = not (real.absent or synthetic.absent)
    if present and real.extractor != synthetic.extractor:
        raise ValueError(f"features are of two extractors, {real.extractor} and {synthetic.extractor}")
    transforms = fit_transforms(real.select(next(iter(references.values())))) if present else {}
    kinds = KINDS | KINDS_BY_DEPTH
    total = len(references) * len(kinds)
    for place, (versus, subjects) in enumerate(references.items()):
        reference = real.select(subjects)
        compared = measurement.with_fields(versus=versus, extractor=real.extractor)
        for done, (metric, kind) in enumerate(kinds.items(), start=place * len(kinds)):
            measurement.report(done, total)
            if not present:
                note = real.absent or synthetic.absent
                rows.append(compared.row(metric, status="extractor_absent", note=note))
                continue
            first, second = (
                transformed_rows(features, kind, transforms) for features in (reference, synthetic)
            )
            if first is None or second is None:
                continue  # an extractor of single images says nothing about clips
            # Stacks of fewer than three slices have no thirds.
            first, second = ([rows for rows in side if len(rows)] for side in (first, second))
            measured = _measure(
                metric,
                subject_distance(metric, first),
                subject_distance(metric, first, second),
                (len(first), len(second)),
                measurement.settings,
            )
            if metric not in ("kid", "cmmd"):
                measured.append(_extrapolated(metric, first, second, measurement.settings.seed))
            d = first[0].shape[1] if first else None
            rows += [{**row, **compared.fields, "d": d} for row in measured]
    measurement.report(total, total)
    return make_table(rows)


def _measure(
    metric: str,
    real_distance: SubjectDistance,
    distance: SubjectDistance,
    sizes: tuple[int, int],
    settings: EvaluationSettings,
) -> list[Row]:
    """The row of one distance and, for a Fréchet distance, the row of its ratio to the floor."""
    n_real, n_synthetic = sizes
    shared, ratio = columns_of(metric), columns_of(metric, "_ratio")
    n = min(n_real // 2, n_synthetic)
    if n < 2:
        why = f"{n_real} real and {n_synthetic} synthetic subjects; at least 4 and 2 are needed"
        absent = {"status": "not_measured", "note": why, "n": n}
        return [{**shared, **absent}] + ([] if metric == "kid" else [{**ratio, **absent}])
    splits = random_splits(n, n_real, settings, n_synthetic)

    def distances(split: Split) -> tuple[float, float]:
        reference, others, made = split
        return distance(reference, made), real_distance(reference, others)

    def statistics(means: np.ndarray) -> tuple[float, float]:
        return float(means[0]), float(means[0] / means[1]) if means[1] > 0 else float("nan")

    whole = np.array([distances(split) for split in splits])
    # Sets of two lack the third subject that leaving one out needs: no interval.
    if n > 2:
        value, quotient = split_jackknife(
            distances, statistics, splits, (0, 0, 1), settings.confidence, whole
        )
    else:
        value, quotient = (Estimate(found, np.nan, np.nan) for found in statistics(whole.mean(axis=0)))
    floors = whole[:, 1]
    least = -np.inf if metric == "kid" else 0.0  # an unbiased estimate may be negative
    facts: Row = {"status": "ok", "n": n, "note": _note(n, n_real, n_synthetic)}
    rows = [
        {
            **shared,
            **facts,
            **_estimated(value, least),
            "floor": float(floors.mean()),
            "floor_sd": float(floors.std(ddof=1)),
        }
    ]
    if metric != "kid":
        rows.append(
            {**ratio, **facts, **_estimated(quotient, 0.0)}
            if floors.mean() > 0
            else {**ratio, "status": "not_measured", "note": "the floor is 0", "n": n}
        )
    return rows


def _estimated(found: Estimate, least: float) -> Row:
    low = max(found.low, least) if np.isfinite(found.low) else None
    return {"value": found.value, "ci_low": low, "ci_high": found.high if low is not None else None}


def _extrapolated(metric: str, first: list[np.ndarray], second: list[np.ndarray], seed: int) -> Row:
    """The row of a Fréchet distance extrapolated to infinite sample size, or of the reason why there is none."""
    shared = {**columns_of(metric, "_extrapolated"), "n": min(len(first), len(second))}
    counts = tuple(np.array([len(rows) for rows in side]) for side in (first, second))
    try:
        value = extrapolated_subject_distance(
            subject_distance(metric, first, second),
            (counts[0], counts[1]),
            first[0].shape[1] if first else 0,
            seed=seed,
        )
    except ValueError as reason:
        return {**shared, "status": "not_measured", "note": str(reason)}
    return {**shared, "status": "ok", "value": value}


def _note(n: int, n_real: int, n_synthetic: int) -> str:
    if n == n_synthetic:
        return ""
    return f"n is half of {n_real} real subjects, so that the floor has as many; {n_synthetic} are synthetic"
