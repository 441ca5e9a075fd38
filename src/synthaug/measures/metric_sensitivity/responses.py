"""Does a distance notice? Its response to real cines that were damaged, copied or narrowed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
from synthaug.measures.subject_distances import KINDS, fit_transforms, subject_distance, transformed_rows
from synthaug.metric_registry import columns_of
from synthaug.tables import make_table

#: From the indices of reference and of other subjects to a distance, and to its floor.
Trial = Callable[[np.ndarray, np.ndarray], tuple[float, float] | None]

IDENTICAL, COPIES, ONE_DIAGNOSIS = "the same subjects", "half of them, twice each", "one diagnosis only"
FEWEST = 8  # subjects: two disjoint sets of four
_FEWEST_OF_A_DIAGNOSIS = 2  # in a set, so that it has a covariance


def measure_responses(
    damaged: Mapping[str, FeatureSet],
    diagnoses: Mapping[str, str | None],
    settings: EvaluationSettings,
    fields: Mapping[str, Any],
) -> pd.DataFrame:
    """How far each distance rises when one of two sets of real subjects is tampered with.

    Parameters
    ----------
    damaged : mapping of str to FeatureSet
        From `synthaug.measures.metric_sensitivity.corruptions.extract_probes`; ``""`` are the undamaged cines.
    diagnoses : mapping of str to str or None
        Diagnosis of each subject.
    settings : EvaluationSettings
        Number of splits, seed.
    fields : mapping
        Columns that all rows share.

    Returns
    -------
    DataFrame
        Result rows ``<metric>_response``, `versus` naming what was done. The value is the rise over
        random splits into a reference and another set: (mean distance of the tampered set - mean
        distance of the untouched one) / standard deviation of the latter. Damages are noise, blur,
        shuffled frames and slices; the sets are also tampered with as a whole: the reference itself,
        half of the reference twice (a generator that copies), only the commonest diagnosis (one that
        dropped modes). Below -2 is nearer than real to real, within 2 of 0 unnoticed.
    """
    real = damaged[""]
    rows: list[dict[str, Any]] = []
    transforms = fit_transforms(real)
    for metric, kind in KINDS.items():
        own = transformed_rows(real, kind, transforms)
        if own is None:
            continue
        within = subject_distance(metric, own)
        trials = _trials_on_sets(within, [diagnoses.get(subject) for subject in real.subjects])
        for probe, features in damaged.items():
            if probe:
                other = transformed_rows(features, kind, transforms)
                assert other is not None  # by the same extractor as the undamaged ones
                trials[probe] = _trial_on_cines(within, subject_distance(metric, own, other))
        for probe, trial in trials.items():
            about = {**fields, "versus": probe, "extractor": real.extractor}
            rows.append(
                {**columns_of(metric, "_response"), "direction": "none", **about}
                | _response(trial, len(real.subjects), settings)
            )
    return make_table(rows)


def _trial_on_cines(within: Any, damaged: Any) -> Trial:
    return lambda reference, other: (damaged(reference, other), within(reference, other))


def _trials_on_sets(within: Any, diagnoses: list[str | None]) -> dict[str, Trial]:
    commonest = Counter(name for name in diagnoses if name is not None).most_common(1)
    mode = np.array([bool(commonest) and name == commonest[0][0] for name in diagnoses])

    def identical(reference: np.ndarray, other: np.ndarray) -> tuple[float, float]:
        return within(reference, reference), within(reference, other)

    def copies(reference: np.ndarray, other: np.ndarray) -> tuple[float, float]:
        twice = np.repeat(reference[: (len(reference) + 1) // 2], 2)[: len(reference)]
        return within(reference, twice), within(reference, other)

    def one_diagnosis(reference: np.ndarray, other: np.ndarray) -> tuple[float, float] | None:
        kept = other[mode[other]]
        if len(kept) < _FEWEST_OF_A_DIAGNOSIS or mode.all():
            return None
        n = len(kept)  # the floor has as many, or it would be lower for that alone
        return within(reference[:n], kept), within(reference[:n], other[:n])

    return {IDENTICAL: identical, COPIES: copies, ONE_DIAGNOSIS: one_diagnosis}


def _response(trial: Trial, n_subjects: int, settings: EvaluationSettings) -> dict[str, Any]:
    n = n_subjects // 2
    if n_subjects < FEWEST:
        return {
            "status": "not_measured",
            "n": n,
            "note": f"{n_subjects} real subjects; {FEWEST} are needed",
        }
    rng = np.random.default_rng(settings.seed)
    pairs = []
    for _ in range(settings.splits):
        order = rng.permutation(n_subjects)
        pairs.append(trial(order[:n], order[n : 2 * n]))
    found = np.array([pair for pair in pairs if pair is not None])
    if len(found) < 2:
        return {
            "status": "not_measured",
            "n": n,
            "note": "the subjects have too few of one diagnosis, or no other",
        }
    tampered, floors = found.T
    spread = floors.std(ddof=1)
    if not spread > 0:
        return {"status": "not_measured", "n": n, "note": "the floor does not vary"}
    return {"status": "ok", "n": n, "value": float((tampered.mean() - floors.mean()) / spread)}
