"""The sanity controls of a study's distances: what they notice of what was done to real cines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.cohort import Cohort
from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.features import ExtractorSettings
from synthaug.features.base import ExtractorAbsent
from synthaug.features.extraction import make_extractor
from synthaug.features.probes import extract_probes
from synthaug.metrics.responses import measure_responses
from synthaug.metrics.subject_distances import KINDS
from synthaug.splits import read_split, subjects_of
from synthaug.tables import make_table
from synthaug.tables.definitions import fields_of


def probe_distances(
    cohorts: Sequence[str | Path],
    split: str | Path,
    extractor: ExtractorSettings,
    settings: EvaluationSettings,
    fields: Mapping[str, Any],
    weights: str | Path | None = None,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Responses of every distance, measured on a fold's real training subjects.

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
    DataFrame
        See `synthaug.metrics.responses.measure_responses`. Where the extractor is absent, one row a
        metric says so.
    """
    import torch

    torch.set_num_threads(threads)
    try:
        network = make_extractor(extractor, weights)
    except ExtractorAbsent as reason:
        absent = {"status": "extractor_absent", "note": str(reason), "extractor": extractor.kind, **fields}
        return make_table({**fields_of(metric, "_response"), **absent} for metric in KINDS)
    cohort = Cohort.open_all(cohorts)
    subjects = subjects_of(read_split(split), "train")[: settings.probed_subjects]
    damaged = extract_probes(cohort, network, subjects, settings.seed, progress)
    diagnoses = cohort.table["diagnosis"].reindex(subjects)
    named = {str(subject): None if pd.isna(name) else str(name) for subject, name in diagnoses.items()}
    return measure_responses(damaged, named, settings, fields)
