"""The synthetic subjects that are measured where there are more than the time and memory of a measure allow."""

from __future__ import annotations

import hashlib
import heapq

import numpy as np

from synthaug.config.evaluation import EvaluationSettings
from synthaug.data.cohort import Cohort
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
    return synthetic.select([synthetic.subjects[index] for index in chosen]), _note(most, count)


def sample_cohort(synthetic: Cohort, settings: EvaluationSettings) -> tuple[Cohort, str]:
    """The same of a cohort, for measures that take seconds a subject.

    Of generators that were asked for the same hearts, the same requests are drawn: a subject's place in the draw follows from
    its request and the seed alone.

    Returns
    -------
    sample : Cohort
        The drawn subjects in the order of the cohort; all of them where they are few enough.
    note : str
        As of `sample_synthetic`.
    """
    count, most = len(synthetic.subjects), settings.max_synthetic_subjects
    if count <= most:
        return synthetic, ""

    def place(subject: str) -> str:
        request = subject.removeprefix(f"{synthetic.meta.get('generator', synthetic.name)}-")
        return hashlib.sha256(f"{settings.seed} {request}".encode()).hexdigest()

    chosen = set(heapq.nsmallest(most, synthetic.subjects, key=place))
    return synthetic.select([subject for subject in synthetic.subjects if subject in chosen]), _note(
        most, count
    )


def _note(most: int, count: int) -> str:
    return f"{most} of {count} synthetic subjects, drawn at random (evaluation.max_synthetic_subjects)"


def joined(*notes: str) -> str:
    """Notes of one row as one."""
    return "; ".join(note for note in notes if note)
