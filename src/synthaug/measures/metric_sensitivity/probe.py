"""The sanity controls of a study's distances: what they notice of what was done to real cines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.features import ExtractorSettings
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.features.base import ExtractorAbsent
from synthaug.features.extraction import make_extractor
from synthaug.features.files import FeatureSet
from synthaug.measures.metric_sensitivity.corruptions import CONTROLS, extract_probes
from synthaug.measures.metric_sensitivity.responses import measure_responses
from synthaug.measures.subject_distances import KINDS
from synthaug.metric_registry import columns_of
from synthaug.tables import make_table


class Probed(NamedTuple):
    """What damaging real cines gave.

    Attributes
    ----------
    responses : DataFrame
        See `synthaug.measures.metric_sensitivity.responses.measure_responses`.
    controls : dict of str to FeatureSet
        Features after each of the damages that generators are held against (`CONTROLS`).
    """

    responses: pd.DataFrame
    controls: dict[str, FeatureSet]


def probe_distances(
    cohorts: Sequence[str | Path],
    split: str | Path,
    extractor: ExtractorSettings,
    settings: EvaluationSettings,
    fields: Mapping[str, Any],
    weights: str | Path | None = None,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Probed:
    """Responses of every distance, and what generators are compared with, measured on a fold's real training subjects.

    Parameters
    ----------
    cohorts : sequence of path
        Real cohorts of the study.
    split : path
        The fold's split; its first training subjects, `settings.probed_subjects` at most, are damaged.
    extractor : ExtractorSettings
        An entry of `evaluation.extractors`.
    settings : EvaluationSettings
        Splits, seed, number of subjects.
    fields : mapping
        Columns that all rows share.
    weights : path, optional
        The trained model, for an extractor of kind ``study``.
    threads : int
        CPU threads.
    progress : callable, optional
        Called with the subjects done and to do.

    Returns
    -------
    Probed
        Where the extractor is absent, one row a metric says so, and so do the features.
    """
    import torch

    torch.set_num_threads(threads)
    try:
        network = make_extractor(extractor, weights)
    except ExtractorAbsent as reason:
        absent = {"status": "extractor_absent", "note": str(reason), "extractor": extractor.kind, **fields}
        rows = make_table({**columns_of(metric, "_response"), **absent} for metric in KINDS)
        nothing = FeatureSet((), {}, extractor.kind, absent=str(reason))
        return Probed(rows, dict.fromkeys(CONTROLS, nothing))
    cohort = Cohort.open_all(cohorts)
    subjects = subjects_of(read_split(split), "train")[: settings.probed_subjects]
    damaged = extract_probes(cohort, network, subjects, settings.seed, progress)
    diagnoses = cohort.table["diagnosis"].reindex(subjects)
    named = {str(subject): None if pd.isna(name) else str(name) for subject, name in diagnoses.items()}
    rows = measure_responses(damaged, named, settings, fields)
    return Probed(rows, {name: damaged[name] for name in CONTROLS})
