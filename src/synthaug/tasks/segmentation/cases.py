"""One frame of one subject as a 3D case: which frames count, how it is stored and listed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_json, read_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.nifti import write_nifti
from synthaug.data.stored_nifti import read_voxels
from synthaug.tasks.sampling import Sampling

Frames = Literal["ed_es", "all"]
#: The arm's record with the settings of its sampling, beside its cases.
RECORD = "arm.json"


def case_name(subject: str, frame: int) -> str:
    """Name of a frame's case: ``<subject>_f<frame>``; ids have no underscore, so it can be read back."""
    return f"{subject}_f{frame}"


def frames_of(cohort: Cohort, subject: str, frames: Frames) -> list[int]:
    """Frames of a subject, ascending.

    Parameters
    ----------
    cohort : Cohort
        Cohort of the subject.
    subject : str
        Its id.
    frames : {"ed_es", "all"}
        End diastole and end systole as far as the table knows them, or every frame.
    """
    row = cohort.table.loc[subject].to_dict()
    if frames == "all":
        return list(range(int(row["n_frames"])))
    return sorted({int(row[column]) for column in ("ed_frame", "es_frame") if not pd.isna(row[column])})


def labelled_frames_of(cohort: Cohort, subject: str, frames: Frames) -> list[int]:
    """The frames of `frames_of` that carry labels."""
    labelled = set(cohort.labelled_frames(subject))
    return [frame for frame in frames_of(cohort, subject, frames) if frame in labelled]


def read_cases(dataset: str | Path) -> pd.DataFrame:
    """The case list of a dataset, raw or preprocessed."""
    return read_tsv(Path(dataset) / "cases.tsv", ("case", "subject", "source", "role"))


def read_record(dataset: str | Path) -> dict[str, Any]:
    """The arm's record in a dataset, raw or preprocessed."""
    return read_json(Path(dataset) / RECORD)


def read_sampling(dataset: str | Path) -> Sampling:
    """How the arm of a dataset, raw or preprocessed, draws its cases."""
    return Sampling(**read_record(dataset)["sampling"])


def write_volume(path: str | Path, volume: np.ndarray, spacing_mm: Sequence[float]) -> None:
    """Write one volume as 3D NIfTI, or the frames of a cine as 4D, which nnU-Net would read as channels.

    Parameters
    ----------
    path : path
        File to write, ending in ``.nii.gz``; the same voxels give the same bytes.
    volume : ndarray, shape (z, y, x) or (t, z, y, x)
        Intensities or labels; stored in their own type.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    """
    image = nib.Nifti1Image(volume.T, np.diag([spacing_mm[2], spacing_mm[1], spacing_mm[0], 1.0]))
    image.header.set_xyzt_units("mm")
    write_nifti(image, path)


def read_volume(path: str | Path) -> np.ndarray:
    """Read one volume that `write_volume` wrote, shape (z, y, x)."""
    return read_voxels(path)
