"""Distances between real and synthetic cohorts in feature space, each beside its real-versus-real floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.beside import beside
from synthaug.features.files import FeatureSet
from synthaug.measures.distance_quotient import count_patients, draw_visits, random_splits
from synthaug.measures.measurement import Measurement
from synthaug.measures.subject_distances import (
    KINDS,
    KINDS_BY_DEPTH,
    fit_transforms,
    subject_distance,
    transformed_rows,
)
from synthaug.measures.synthetic_sample import joined, sample_synthetic
from synthaug.metric_registry import columns_of
from synthaug.metrics.extrapolation import extrapolated_subject_distance
from synthaug.metrics.split_jackknife import Estimate, Split, split_jackknife
from synthaug.tables import Row, make_table


def measure_distances(
    real: FeatureSet,
    synthetic: FeatureSet,
    references: Mapping[str, Sequence[str]],
    measurement: Measurement,
    threads: int = 1,
) -> pd.DataFrame:
    """FID (also by depth), KID, CMMD, FVD-T, FVD-S and F4D of a synthetic cohort against sets of real subjects.

    Parameters
    ----------
    real, synthetic : FeatureSet
        Features by the same extractor, with the patients of visits.
    references : mapping of str to sequence of str
        Sets of real subjects to compare with: ``{"real train": [...], "real test": [...]}``. The first is the
        one whose features define the whitening, where the extractor asks for it.
    measurement : Measurement
        Generator, fold and seeds; number of splits, coverage, seed. Progress counts distances.
    threads : int
        Distances that are measured at a time; the rows are the same.

    Returns
    -------
    DataFrame
        Result rows. The value is the mean distance between n real and n synthetic subjects over random draws;
        the floor the mean between disjoint sets of n real subjects, n being half the real patients or all
        synthetic ones, whichever is less. Of a patient with several visits each set has one. For Fréchet distances a second row, ``<metric>_ratio``, is their
        quotient, and a third, ``<metric>_extrapolated``, its value extrapolated to infinite sample
        size, where n allows it.
    """
    present = not (real.absent or synthetic.absent)
    if present and real.extractor != synthetic.extractor:
        raise ValueError(f"features are of two extractors, {real.extractor} and {synthetic.extractor}")
    transforms = fit_transforms(real.select(next(iter(references.values())))) if present else {}
    synthetic, sampled = sample_synthetic(synthetic, measurement.settings)

    def measured(asked: tuple[str, str, str]) -> list[Row]:
        versus, metric, kind = asked
        compared = measurement.with_fields(versus=versus, extractor=real.extractor)
        if not present:
            note = real.absent or synthetic.absent
            return [compared.row(metric, status="extractor_absent", note=note)]
        reference = real.select(references[versus])
        first, second = (transformed_rows(features, kind, transforms) for features in (reference, synthetic))
        if first is None and second is None:
            return []  # an extractor of single images says nothing about clips
        # Stacks of fewer than three slices have no thirds, of some subjects or of a whole cohort.
        sides = side_of(first, reference.units()), side_of(second, synthetic.units())
        found = distance_rows(metric, *sides, measurement.settings)
        if metric not in ("kid", "cmmd"):
            found.append(_extrapolated(metric, *sides, measurement.settings.seed))
        d = sides[0].rows[0].shape[1] if sides[0].rows else None
        return [
            {**row, **compared.fields, "d": d, "note": joined(row.get("note", ""), sampled)} for row in found
        ]

    kinds = (KINDS | KINDS_BY_DEPTH).items()
    every = [(versus, metric, kind) for versus in references for metric, kind in kinds]
    rows: list[Row] = []
    measurement.report(0, len(every))
    for done, found in enumerate(beside(measured, every, threads if threads > 1 else 0), start=1):
        rows += found
        measurement.report(done, len(every))
    return make_table(rows)


class Side(NamedTuple):
    """Rows of features of each subject, and the number of each subject's patient."""

    rows: list[np.ndarray]
    units: np.ndarray


def side_of(rows: list[np.ndarray] | None, units: np.ndarray) -> Side:
    """The subjects that have rows, none without `rows`; their patients are numbered from 0 again."""
    if rows is None:
        return Side([], np.empty(0, int))
    present = np.array([len(part) > 0 for part in rows], bool)
    _, renumbered = np.unique(units[present], return_inverse=True)
    return Side([part for part in rows if len(part)], renumbered)


def distance_rows(
    metric: str, real: Side, synthetic: Side, settings: EvaluationSettings, name: str | None = None
) -> list[Row]:
    """The row of one distance and, for a Fréchet distance, the row of its ratio to the floor.

    Parameters
    ----------
    metric : str
        One of `KINDS` or `KINDS_BY_DEPTH`.
    real, synthetic : Side
        Their features of that kind.
    settings : EvaluationSettings
        Splits, coverage, seed.
    name : str, optional
        Metric of the rows, if it is not `metric`: the same distance of a part of the subjects.
    """
    units = real.units, synthetic.units
    n_real, n_synthetic = map(count_patients, units)
    shared, ratio = columns_of(name or metric), columns_of(name or metric, "_ratio")
    n = min(n_real // 2, n_synthetic)
    if n < 2:
        why = f"{n_real} real and {n_synthetic} synthetic subjects; at least 4 and 2 are needed"
        absent = {"status": "not_measured", "note": why, "n": n}
        return [{**shared, **absent}] + ([] if metric == "kid" else [{**ratio, **absent}])
    splits = random_splits(n, real.units, settings, synthetic.units)
    real_distance = subject_distance(metric, real.rows)
    distance = subject_distance(metric, real.rows, synthetic.rows)

    def distances(split: Split) -> tuple[float, float]:
        reference, others, made = split
        return distance(reference, made), real_distance(reference, others)

    def statistics(means: np.ndarray) -> tuple[float, float]:
        return float(means[0]), float(means[0] / means[1]) if means[1] > 0 else float("nan")

    # Sets of two lack the third subject that leaving one out needs: no interval.
    if n > 2:
        (value, quotient), whole = split_jackknife(
            distances, statistics, splits, (0, 0, 1), settings.confidence, units
        )
    else:
        whole = np.array([distances(split) for split in splits])
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


def _extrapolated(metric: str, real: Side, synthetic: Side, seed: int) -> Row:
    """The row of a Fréchet distance extrapolated to infinite sample size, or of the reason why there is none."""
    rng = np.random.default_rng(seed)
    first, second = (
        [side.rows[i] for i in draw_visits(np.arange(count_patients(side.units)), side.units, rng)]
        for side in (real, synthetic)
    )
    shared = {**columns_of(metric, "_extrapolated"), "n": min(len(first), len(second))}
    try:
        value = extrapolated_subject_distance(
            subject_distance(metric, first, second),
            (len(first), len(second)),
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
