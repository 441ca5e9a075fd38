"""The synthetic subjects that are measured where there are more than the time and memory of a measure allow."""

from __future__ import annotations

import numpy as np

from synthaug.config.evaluation import EvaluationSettings
from synthaug.features.files import FeatureSet


def sample_synthetic(synthetic: FeatureSet, settings: EvaluationSettings) -> tuple[FeatureSet, str]:
    """Draw at most `settings.max_synthetic_subjects`, without replacement and the same for the same seed.

    Parameters
    ----------
    synthetic : FeatureSet
        Features of a synthetic cohort.
    settings : EvaluationSettings
        Largest number, seed.

    Returns
    -------
    sample : FeatureSet
        The drawn subjects in the order of the cohort; all of them where they are few enough.
    note : str
        How many of how many, for the column `note`; empty where nothing was left out.
    """
    count, most = len(synthetic.subjects), settings.max_synthetic_subjects
    if count <= most:
        return synthetic, ""
    chosen = np.sort(np.random.default_rng(settings.seed).permutation(count)[:most])
    note = f"{most} of {count} synthetic subjects, drawn at random (evaluation.max_synthetic_subjects)"
    return synthetic.select([synthetic.subjects[index] for index in chosen]), note


def joined(*notes: str) -> str:
    """Notes of one row as one."""
    return "; ".join(note for note in notes if note)
