"""M&Ms-2: `dataset/<id>` with the short-axis cine and labelled ED and ES frames.

Martín-Isla et al., IEEE JBHI 27(7), 2023. Labels are 1 LV, 2 myocardium, 3 RV. The long-axis
views are not used.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.config.data import RawDatasetSettings
from synthaug.data.findings import SubjectError
from synthaug.data.nifti import NiftiImage, read_nifti
from synthaug.data.readers import base, metadata
from synthaug.data.readers.base import RawCine, RawSubject, Reader

#: Mean absolute difference, as a share of the intensity range, up to which a frame of the
#: cine is the ED or ES image: the same voxels, written by another program.
_SAME_IMAGE = 0.005


class Mnms2Reader(Reader):
    """Reads M&Ms-2."""

    patterns = ("*.csv", "**/*_SA_CINE.nii.gz", "**/*_SA_E?.nii.gz", "**/*_SA_E?_gt.nii.gz")

    def find(self, root: Path) -> list[RawSubject]:
        """Subjects under `root/dataset` or `root`, with the metadata of `dataset_information.csv`.

        The table is optional, because the images do not depend on it; it does not say which
        frames of the cine ED and ES are, so these are found when the images are read.
        """
        folder = root / "dataset" if (root / "dataset").is_dir() else root
        names = {path.parent.name: path.parent for path in sorted(folder.glob("*/*_SA_*.nii.gz"))}
        rows: dict[str, pd.Series] = {}
        subjects = []
        if any(root.glob("dataset_information*.csv")):
            file, table = metadata.read_table(root, "dataset_information*.csv", ("SUBJECT_CODE",))
            # A spreadsheet turns 001 into 1.
            rows = {str(row["SUBJECT_CODE"]).zfill(3): row for _, row in table.iterrows()}
            subjects = [
                base.unusable(
                    "listed-only", name, file, "is listed but has no images", f"add the folder {name}"
                )
                for name in sorted(set(rows) - set(names))
            ]
        subjects += [_subject(name, place, rows.get(name), self.settings) for name, place in names.items()]
        return subjects


def _subject(name: str, folder: Path, row: pd.Series | None, settings: RawDatasetSettings) -> RawSubject:
    cine = folder / f"{name}_SA_CINE.nii.gz"
    if not cine.is_file():
        # Two frames are two time points of a beat. Interpolated to a cine they would be a
        # cross-fade that no heart makes, and would teach and test motion that was never seen.
        return base.unusable(
            "cine-missing",
            name,
            cine,
            "there is no cine, only the ED and ES frames",
            "add the _SA_CINE file of M&Ms-2; a beat cannot be made of two frames",
        )
    phases = {
        phase: (folder / f"{name}_SA_{phase}.nii.gz", folder / f"{name}_SA_{phase}_gt.nii.gz")
        for phase in ("ED", "ES")
    }
    entries = pd.Series(dtype=str) if row is None else row
    return RawSubject(
        id=name,
        files=(cine, *(file for pair in phases.values() for file in pair if file.is_file())),
        load=partial(_load, name, cine, phases, settings),
        vendor=metadata.vendor_name(entries.get("VENDOR")),
        scanner=metadata.text(entries.get("SCANNER")),
        field_strength_t=metadata.number(entries.get("FIELD")),
        diagnosis=metadata.diagnosis_code(entries.get("DISEASE")),
    )


def _load(
    name: str, path: Path, phases: dict[str, tuple[Path, Path]], settings: RawDatasetSettings
) -> RawCine:
    cine = base.read_cine(path, name)
    others: dict[Path, NiftiImage] = {}
    found: dict[str, int] = {}
    for phase, (image_file, label_file) in phases.items():
        if not image_file.is_file():
            continue
        others[image_file] = read_nifti(image_file, name)
        found[phase] = _frame_of(others[image_file].array, cine.image, image_file, name)
        if label_file.is_file():
            volume = read_nifti(label_file, name).array
            cine.labels[found[phase]] = base.canonical_labels(
                volume, base.SAME_LABELS, label_file, name, cine.image.shape[:3]
            )
    cine.ed_frame, cine.es_frame = found.get("ED"), found.get("ES")
    base.repair_spacing(cine, path, name, others, settings)
    return cine


def _frame_of(volume: np.ndarray, image: np.ndarray, file: Path, subject: str) -> int:
    """Which frame of the cine a 3D image is."""
    if volume.shape != image.shape[:3]:
        problem = f"has shape {volume.shape}, a frame of the cine has {image.shape[:3]}"
        raise SubjectError(
            "frame-image-differs", subject, file, problem, "give the frame on the cine's own grid"
        )
    distances = [float(np.abs(image[..., frame] - volume).mean()) for frame in range(image.shape[3])]
    frame = int(np.argmin(distances))
    if distances[frame] > _SAME_IMAGE * float(np.ptp(image)):
        raise SubjectError(
            "frame-image-differs", subject, file, "is no frame of the cine", "give the cine it was taken from"
        )
    return frame
