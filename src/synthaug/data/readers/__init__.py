"""Readers of raw datasets, by layout: ACDC, M&Ms, M&Ms-2, and any BIDS-like NIfTI folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthaug.core.errors import SynthaugError

if TYPE_CHECKING:
    from synthaug.data.readers.base import RawSubject

#: Files of a layout that a study depends on, as patterns below the dataset's root.
PATTERNS: dict[str, tuple[str, ...]] = {
    "acdc": ("**/patient*/Info.cfg", "**/patient*/patient*.nii.gz"),
    "mnms": ("*.csv", "**/*_sa.nii.gz", "**/*_sa_gt.nii.gz"),
    "mnms2": ("*.csv", "**/*_SA_CINE.nii.gz", "**/*_SA_E?.nii.gz", "**/*_SA_E?_gt.nii.gz"),
    "nifti": ("*.tsv", "sub-*/**/*.nii.gz", "sub-*/**/*.nii"),
}


def find_subjects(
    layout: str,
    root: str | Path,
    *,
    spacing_mm: tuple[float, float, float] | None = None,
    columns: Mapping[str, str] | None = None,
    label_map: Mapping[int, str] | None = None,
    vendor: str | None = None,
    centre: str | None = None,
) -> list[RawSubject]:
    """Subjects of a raw dataset with their metadata; images are read when asked for.

    Parameters
    ----------
    layout : {"acdc", "mnms", "mnms2", "nifti"}
        How the dataset is laid out.
    root : path
        Its folder.
    spacing_mm : tuple of 3 floats, optional
        Voxel size (z, y, x) of subjects whose headers lost it.
    columns, label_map : mapping, optional
        For NIfTI folders; see docs/adding-a-dataset.md.
    vendor, centre : str, optional
        Of the subjects whose files do not name one.

    Returns
    -------
    list of RawSubject
        Sorted by id. A subject that is there but cannot be used is among them; its `load`
        raises the `SubjectError` that says why.

    Raises
    ------
    SynthaugError
        The root does not exist, holds nothing of the layout, lacks the dataset's table, or
        has one id twice.
    """
    from synthaug.data.readers import acdc, mnms, mnms2, nifti_folder
    from synthaug.data.readers.base import REFUSED_ID, ReaderOptions, refused_id, unusable

    readers = {"acdc": acdc, "mnms": mnms, "mnms2": mnms2, "nifti": nifti_folder}
    options = ReaderOptions(spacing_mm, columns or {}, label_map or {})
    subjects = readers[layout].find(_existing(root), options)
    if not subjects:
        raise SynthaugError(f"{root}: no subject in the layout {layout}; check the root and the layout")
    seen: dict[str, RawSubject] = {}
    for subject in subjects:
        if refused_id(subject.id):
            subject = unusable(subject.id, subject.files[0] if subject.files else Path(root), *REFUSED_ID)
        if subject.id in seen:
            places = [
                str(entry.files[0]) if entry.files else str(root) for entry in (subject, seen[subject.id])
            ]
            raise SynthaugError(
                f"{subject.id}: {places[0]}: the same id is also in {places[1]}; remove or rename one of them"
            )
        seen[subject.id] = subject
    return [
        replace(seen[key], vendor=seen[key].vendor or vendor, centre=seen[key].centre or centre)
        for key in sorted(seen)
    ]


def raw_files(layout: str, root: str | Path) -> list[Path]:
    """Files under `root` that a study depends on, sorted; none of them is read.

    Raises
    ------
    SynthaugError
        The root does not exist or holds no file of the layout.
    """
    folder = _existing(root)
    files = sorted({file for pattern in PATTERNS[layout] for file in folder.glob(pattern)})
    if not files:
        raise SynthaugError(f"{root}: no file in the layout {layout}; check the root and the layout")
    return files


def _existing(root: str | Path) -> Path:
    folder = Path(root)
    if not folder.is_dir():
        raise SynthaugError(
            f"{folder}: the dataset's root does not exist; set it to the folder of the raw dataset"
        )
    return folder
