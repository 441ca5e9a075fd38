"""Cines as the vectors of a network that recognises patients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from synthaug.data.cohort import Cohort
from synthaug.features.files import FeatureSet
from synthaug.models.patient_recogniser import PatientRecogniser


def describer(model: PatientRecogniser) -> Callable[[np.ndarray], np.ndarray]:
    """Vectors (t, d), one a frame, of a cine (t, z, y, x)."""

    def describe(cine: np.ndarray) -> np.ndarray:
        return model.describe(torch.from_numpy(np.ascontiguousarray(cine, np.float32))).cpu().numpy()

    return describe


def describe_subjects(cohort: Cohort, subjects: Sequence[str], model: PatientRecogniser) -> FeatureSet:
    """Vectors of the frames of some subjects, as `audit_features` reads features."""
    describe = describer(model)
    return FeatureSet(
        subjects=tuple(subjects),
        features={"spatial": [describe(cohort.cine(subject)) for subject in subjects]},
        extractor=f"patient_recogniser-{model.identity[:12]}",
        seen=tuple(model.seen),
    )
