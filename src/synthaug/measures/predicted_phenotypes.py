"""Phenotypes of synthetic subjects as a segmenter sees their images."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.config.conditions import MEASURED
from synthaug.data.cohort import Cohort
from synthaug.data.stored_nifti import read_shape
from synthaug.labels import UNLABELLED
from synthaug.measures.scoring import predicted_files, read_predicted_frames
from synthaug.metrics.volumes import structure_volume_ml
from synthaug.phenotypes.measure import measure_phenotypes
from synthaug.phenotypes.registry import PHENOTYPES

_REQUESTED = "requested_"


def requested_phenotypes(table: pd.DataFrame) -> list[str]:
    """Phenotypes of the registry that any subject of a synthetic cohort's table was requested with.

    Volumes, their ejection fraction and mass are not among them: `synthaug.measures.scoring.predicted_volumes` has these.
    """
    return [
        name
        for name in PHENOTYPES
        if name not in MEASURED
        and f"{_REQUESTED}{name}" in table.columns
        and pd.to_numeric(table[f"{_REQUESTED}{name}"], errors="coerce").notna().any()
    ]


def predicted_phenotypes(predictions: str | Path, cohort: Cohort, names: Collection[str]) -> pd.DataFrame:
    """Measure phenotypes on a segmenter's label maps.

    Parameters
    ----------
    predictions : path
        Folder with ``predictions.json`` and the predicted labels.
    cohort : Cohort
        The subjects predicted.
    names : collection of str
        Names of the registry.

    Returns
    -------
    DataFrame
        One row a subject: ``subject`` and `names`, NaN where unknown. ED is the frame the cohort's table names, or the
        first; ES is the predicted frame with the smallest LV, as in `predicted_volumes`: the table's may be what a
        generator's own masks say.
    """
    files = predicted_files(Path(predictions))
    rows = []
    for subject in cohort.subjects:
        t, z, y, x = read_shape(cohort.folders[subject] / "cine.nii.gz")
        labels = np.full((t, z, y, x), UNLABELLED, np.uint8)
        volumes: dict[int, float] = {}
        for frame, predicted in read_predicted_frames(files.get(subject, {}), (z, y, x)).items():
            labels[frame] = predicted
            volumes[frame] = structure_volume_ml(predicted, "LV", cohort.spacing_mm)
        known = cohort.record(subject)["ed_frame"]
        ed = 0 if pd.isna(known) else int(known)
        measured = measure_phenotypes(
            labels,
            cohort.spacing_mm,
            list(volumes),
            ed,
            min(volumes, key=lambda frame: volumes[frame], default=None),
            cohort.frame_duration_s(subject),
            cohort.view,
        )
        rows.append({"subject": subject, **{name: measured[name] for name in names}})
    return pd.DataFrame(rows, columns=["subject", *names])
