"""Predicted labels of a cohort, as a task writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

from synthaug.core.artifacts import write_json
from synthaug.data.cohort import Cohort
from synthaug.data.nifti import write_nifti


def write_predictions(folder: Path, cohort: Cohort, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """Write the reference labels at the labelled frames, each changed by a function, as predictions."""
    cases = []
    folder.mkdir(parents=True)
    for subject in cohort.subjects:
        labels = cohort.label_cine(subject)
        for frame in cohort.labelled_frames(subject):
            file = f"{subject}_f{frame:03d}.nii.gz"
            write_nifti(nib.Nifti1Image(change(labels[frame]).astype(np.uint8).T, np.eye(4)), folder / file)
            cases.append({"subject": subject, "frame": frame, "file": file})
    write_json(folder / "predictions.json", {"cases": cases})
    return folder


def moved(mask: np.ndarray) -> np.ndarray:
    """The mask two voxels to the right and down."""
    return np.roll(mask, (2, 2), (1, 2))


def without_rv(mask: np.ndarray) -> np.ndarray:
    """The mask two voxels to the left, its right ventricle missed."""
    return np.roll(np.where(mask == 3, 0, mask), -2, 2)
