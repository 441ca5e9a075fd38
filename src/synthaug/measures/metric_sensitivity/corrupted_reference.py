"""Is a generator nearer to real cines than real cines that were damaged?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
from synthaug.measures.metric_sensitivity.responses import FEWEST
from synthaug.measures.subject_distances import KINDS, fit_transforms, subject_distance, transformed_rows
from synthaug.metric_registry import columns_of
from synthaug.metrics.extrapolation import SubjectDistance
from synthaug.metrics.split_quotient import Split, split_quotient
from synthaug.tables import Row, make_table

#: Distances of whole cines: those of single images cannot see the order of frames.
CONTROLLED = ("fvd_t", "f4d")
_FEWEST_OF_A_SET = 3  # so that it still has a covariance with one subject left out


def measure_against_controls(
    real: FeatureSet,
    synthetic: FeatureSet,
    damaged: Mapping[str, FeatureSet],
    training: Sequence[str],
    settings: EvaluationSettings,
    fields: Mapping[str, Any],
) -> pd.DataFrame:
    """FVD-T and F4D of a synthetic cohort as multiples of those of damaged real cines.

    Parameters
    ----------
    real, synthetic : FeatureSet
        Features by the same extractor.
    damaged : mapping of str to FeatureSet
        The same real training subjects after each damage, by its name (`synthaug.measures.metric_sensitivity.corruptions.CONTROLS`).
    training : sequence of str
        The fold's training subjects: their features define the whitening, as for the distances themselves.
    settings : EvaluationSettings
        Number of splits, coverage, seed.
    fields : mapping
        Columns that all rows share: generator, fold, seeds.

    Returns
    -------
    DataFrame
        Rows ``<metric>_control``, `versus` naming the damage. Of the subjects that were damaged random disjoint
        sets A and B of n are drawn, and n synthetic ones: the value is the mean distance from A to the synthetic
        ones over that from A to B damaged, so that below 1 the generator is nearer. `floor` is the same quotient
        of B undamaged; where it is near 1 the distance hardly notices the damage. The interval is over subjects
        (`synthaug.metrics.split_quotient`).
    """
    absent = real.absent or synthetic.absent
    transforms = {} if absent else fit_transforms(real.select(training))
    rows: list[Row] = []
    for metric in CONTROLLED:
        for control, features in damaged.items():
            about = {
                **columns_of(metric, "_control"),
                **fields,
                "versus": control,
                "extractor": real.extractor,
            }
            if absent:
                rows.append({**about, "status": "extractor_absent", "note": absent})
                continue
            own, hurt, made = (
                transformed_rows(side, KINDS[metric], transforms)
                for side in (real.select(features.subjects), features, synthetic)
            )
            if own is None or hurt is None or made is None:
                continue  # an extractor of single images says nothing about clips
            distances = [subject_distance(metric, own, other) for other in (made, hurt, own)]
            rows.append({**about, **_quotient(distances, len(own), len(made), settings)})
    return make_table(rows)


def _quotient(
    distances: Sequence[SubjectDistance], n_real: int, n_synthetic: int, settings: EvaluationSettings
) -> Row:
    """What the row says of distances to the synthetic, the damaged and the undamaged subjects."""
    n = min(n_real // 2, n_synthetic)
    if n_real < FEWEST or n < _FEWEST_OF_A_SET:
        why = f"{n_real} damaged and {n_synthetic} synthetic subjects; at least {FEWEST} and {_FEWEST_OF_A_SET} are needed"
        return {"status": "not_measured", "n": n, "note": why}
    to_synthetic, to_damaged, to_real = distances
    rng = np.random.default_rng(settings.seed)
    splits = []
    for _ in range(settings.splits):
        order = rng.permutation(n_real)
        splits.append((order[:n], order[n : 2 * n], rng.permutation(n_synthetic)[:n]))

    def measure(split: Split) -> tuple[float, float]:
        reference, other, made = split
        return to_synthetic(reference, made), to_damaged(reference, other)

    try:
        quotient = split_quotient(measure, splits, cohorts=(0, 0, 1), confidence=settings.confidence)
    except ZeroDivisionError:
        return {"status": "not_measured", "n": n, "note": "the damaged cines are at no distance"}
    control = np.mean([to_damaged(reference, other) for reference, other, _ in splits])
    floors = np.array([to_real(reference, other) for reference, other, _ in splits])
    return {
        "status": "ok",
        "n": n,
        "value": quotient.value,
        "ci_low": quotient.low,
        "ci_high": quotient.high,
        "floor": floors.mean() / control,
        "floor_sd": floors.std(ddof=1) / control,
    }
