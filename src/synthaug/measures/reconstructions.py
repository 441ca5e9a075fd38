"""How far real cines are from themselves as an autoencoder gives them back."""

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
from synthaug.tables import make_table

#: Fréchet distances: the others may be 0 or less between real subjects, and have no multiples of that.
RECONSTRUCTED = ("fid", "fvd_t", "fvd_s", "f4d")


def measure_reconstructions(
    real: FeatureSet,
    reconstructed: FeatureSet,
    training: Sequence[str],
    settings: EvaluationSettings,
    fields: Mapping[str, Any],
) -> pd.DataFrame:
    """Distances between real cines and reconstructions of others, as multiples of those between real ones.

    Parameters
    ----------
    real, reconstructed : FeatureSet
        Features by the same extractor; `reconstructed` are some of the `real` subjects.
    training : sequence of str
        The fold's training subjects: their features define the whitening, as for all other distances.
    settings : EvaluationSettings
        Number of splits, coverage, seed.
    fields : mapping
        Columns that all rows share; `versus` names the autoencoder.

    Returns
    -------
    DataFrame
        Rows ``<metric>_reconstruction``. Of the reconstructed subjects random disjoint sets A and B of n are
        drawn: the value is the mean distance from A to B reconstructed over that from A to B. 1 is no loss that
        the extractor sees. Nobody is on both sides, so that a generator on these latents that is nearer to the
        training subjects may owe it to copies of them. `floor_sd` is the
        standard deviation of the latter distance as a multiple of its mean; the interval is over subjects
        (`synthaug.metrics.split_quotient`).
    """
    rows: list[dict[str, Any]] = []
    absent = real.absent or reconstructed.absent
    transforms = {} if absent else fit_transforms(real.select(training))
    for metric in RECONSTRUCTED:
        about = {**columns_of(metric, "_reconstruction"), **fields, "extractor": real.extractor}
        if absent:
            rows.append({**about, "status": "extractor_absent", "note": absent})
            continue
        own, back = (
            transformed_rows(side, KINDS[metric], transforms)
            for side in (real.select(reconstructed.subjects), reconstructed)
        )
        if own is None or back is None:
            continue  # an extractor of single images says nothing about clips, one of clips nothing about images
        distances = subject_distance(metric, own, back), subject_distance(metric, own)
        rows.append({**about, **_multiple(distances, len(own), settings)})
    return make_table(rows)


def _multiple(
    distances: tuple[SubjectDistance, SubjectDistance], n_subjects: int, settings: EvaluationSettings
) -> dict[str, Any]:
    n = n_subjects // 2
    if n_subjects < FEWEST:
        why = f"{n_subjects} reconstructed subjects; {FEWEST} are needed"
        return {"status": "not_measured", "n": n, "note": why}
    rng = np.random.default_rng(settings.seed)
    orders = [rng.permutation(n_subjects) for _ in range(settings.splits)]
    splits = [(order[:n], order[n : 2 * n]) for order in orders]
    lossy, within = distances

    def measure(split: Split) -> tuple[float, float]:
        return lossy(*split), within(*split)

    try:
        multiple = split_quotient(measure, splits, cohorts=(0, 0), confidence=settings.confidence)
    except ZeroDivisionError:
        return {"status": "not_measured", "n": n, "note": "the floor is 0"}
    floors = np.array([within(*split) for split in splits])
    return {
        "status": "ok",
        "n": n,
        "value": multiple.value,
        "ci_low": multiple.low,
        "ci_high": multiple.high,
        "floor": 1.0,
        "floor_sd": floors.std(ddof=1) / floors.mean(),
    }
