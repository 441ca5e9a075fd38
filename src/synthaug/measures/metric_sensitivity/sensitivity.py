"""Metric sensitivity of a study's distances, measured on corrupted real training cines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from synthaug.config.features import ExtractorSettings
from synthaug.data.cohort import Cohort
from synthaug.features.base import ExtractorAbsent
from synthaug.features.extraction import make_extractor
from synthaug.features.files import FeatureSet
from synthaug.measures.measurement import Measurement
from synthaug.measures.metric_sensitivity.corruptions import CONTROLS, extract_corrupted
from synthaug.measures.metric_sensitivity.responses import measure_responses
from synthaug.measures.subject_distances import KINDS
from synthaug.tables import make_table


class MetricSensitivity(NamedTuple):
    """What distances respond to, and the corrupted cines that generators are compared with.

    Attributes
    ----------
    responses : DataFrame
        See `synthaug.measures.metric_sensitivity.responses.measure_responses`.
    controls : dict of str to FeatureSet
        Features after each corruption of `CONTROLS`.
    """

    responses: pd.DataFrame
    controls: dict[str, FeatureSet]


def measure_metric_sensitivity(
    training: Cohort,
    extractor: ExtractorSettings,
    weights: str | Path | None,
    measurement: Measurement,
    patients: Mapping[str, str] | None = None,
) -> MetricSensitivity:
    """Responses of every distance to known corruptions of a fold's real training subjects.

    Parameters
    ----------
    training : Cohort
        The fold's real training subjects; the first of them, `settings.sensitivity_subjects` at most, are corrupted.
    extractor : ExtractorSettings
        An entry of `evaluation.extractors`.
    weights : path or None
        The trained model, for an extractor of kind ``study``.
    measurement : Measurement
        Fold; splits, seed, number of subjects. Progress counts subjects.
    patients : mapping of str to str, optional
        Patient of each subject that is a visit (`synthaug.data.splits.patients_in`).

    Returns
    -------
    MetricSensitivity
        Where the extractor is absent, one row a metric says so, and so do the features.
    """
    try:
        network = make_extractor(extractor, weights)
    except ExtractorAbsent as reason:
        absent = {"status": "extractor_absent", "note": str(reason), "extractor": extractor.kind}
        rows = make_table(measurement.row(metric, "_response", **absent) for metric in KINDS)
        nothing = FeatureSet((), {}, extractor.kind, absent=str(reason))
        return MetricSensitivity(rows, dict.fromkeys(CONTROLS, nothing))
    cohort = training.select(training.subjects[: measurement.settings.sensitivity_subjects])
    found = extract_corrupted(cohort, network, measurement)
    corrupted = {name: features.with_patients(patients or {}) for name, features in found.items()}
    named = {
        str(subject): None if pd.isna(name) else str(name)
        for subject, name in cohort.table["diagnosis"].items()
    }
    rows = measure_responses(corrupted, named, measurement)
    return MetricSensitivity(rows, {name: corrupted[name] for name in CONTROLS})
