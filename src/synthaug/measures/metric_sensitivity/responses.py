"""Response of a distance to known changes of a real set: corrupted cines, copies, a single diagnosis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet
from synthaug.measures.distance_quotient import count_patients, random_splits
from synthaug.measures.measurement import Measurement
from synthaug.measures.subject_distances import KINDS, fit_transforms, subject_distance, transformed_rows
from synthaug.metrics.extrapolation import SubjectDistance
from synthaug.tables import Row, make_table

#: From the indices of reference and of other subjects to a distance, and to its floor.
Trial = Callable[[np.ndarray, np.ndarray], tuple[float, float] | None]

IDENTICAL, COPIES, ONE_DIAGNOSIS = "the same subjects", "half of them, twice each", "one diagnosis only"
FEWEST = 8  # subjects: two disjoint sets of four
_FEWEST_OF_A_DIAGNOSIS = 2  # in a set, so that it has a covariance


def measure_responses(
    corrupted: Mapping[str, FeatureSet], diagnoses: Mapping[str, str | None], measurement: Measurement
) -> pd.DataFrame:
    """How far each distance rises when one of two sets of real subjects is changed.

    Parameters
    ----------
    corrupted : mapping of str to FeatureSet
        From `synthaug.measures.metric_sensitivity.corruptions.extract_corrupted`; ``""`` are the cines as they are.
    diagnoses : mapping of str to str or None
        Diagnosis of each subject.
    measurement : Measurement
        Fold; number of splits, seed.

    Returns
    -------
    DataFrame
        Result rows ``<metric>_response``, `versus` naming what was done. The value is the rise over
        random splits into a reference and another set: (mean distance of the changed set - mean
        distance of the unchanged one) / standard deviation of the latter. Corruptions are noise, blur,
        shuffled frames and slices. Sets are also replaced as a whole: by the reference itself, by half
        of the reference twice (a generator that copies), by the commonest diagnosis only (one that
        dropped modes). Below -2 the set is nearer than real to real; within 2 of 0 the distance does not
        respond.
    """
    real = corrupted[""]
    rows: list[Row] = []
    transforms = fit_transforms(real)
    for metric, kind in KINDS.items():
        own = transformed_rows(real, kind, transforms)
        if own is None:
            continue
        within = subject_distance(metric, own)
        trials = _trials_on_sets(within, [diagnoses.get(subject) for subject in real.subjects])
        for corruption, features in corrupted.items():
            if corruption:
                other = transformed_rows(features, kind, transforms)
                assert other is not None  # by the same extractor as the cines as they are
                trials[corruption] = _trial_on_cines(within, subject_distance(metric, own, other))
        for change, trial in trials.items():
            compared = measurement.with_fields(versus=change, extractor=real.extractor, direction="none")
            found = _response(trial, real.units(), measurement.settings)
            rows.append(compared.row(metric, "_response", **found))
    return make_table(rows)


def _trial_on_cines(within: SubjectDistance, corrupted: SubjectDistance) -> Trial:
    return lambda reference, other: (corrupted(reference, other), within(reference, other))


def _trials_on_sets(within: SubjectDistance, diagnoses: list[str | None]) -> dict[str, Trial]:
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


def _response(trial: Trial, units: np.ndarray, settings: EvaluationSettings) -> Row:
    n_subjects = count_patients(units)
    n = n_subjects // 2
    if n_subjects < FEWEST:
        return {
            "status": "not_measured",
            "n": n,
            "note": f"{n_subjects} real subjects; {FEWEST} are needed",
        }
    pairs = [trial(reference, other) for reference, other in random_splits(n, units, settings)]
    found = np.array([pair for pair in pairs if pair is not None])
    if len(found) < 2:
        return {
            "status": "not_measured",
            "n": n,
            "note": "the subjects have too few of one diagnosis, or no other",
        }
    changed, floors = found.T
    spread = floors.std(ddof=1)
    if not spread > 0:
        return {"status": "not_measured", "n": n, "note": "the floor does not vary"}
    return {"status": "ok", "n": n, "value": float((changed.mean() - floors.mean()) / spread)}
