"""Distances between real and synthetic cohorts in feature space, each beside its real-versus-real floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
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
from synthaug.metrics.percentile_bootstrap import percentile_interval
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
        Generator, fold and seeds; number of splits and replicates, coverage, seed. Progress counts distances.

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
    ends = percentile_interval(replicates, settings.confidence)
    low, high = (value + end - replicates.mean() for end in ends)
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
