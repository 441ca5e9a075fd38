"""Any BIDS-like folder of NIfTI cines with a table; docs/adding-a-dataset.md says how to lay one out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pandas as pd

from synthaug.config.data import NiftiSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.nifti import NiftiImage, read_nifti
from synthaug.data.readers import base, metadata
from synthaug.data.readers.base import RawCine, RawSubject, Reader
from synthaug.labels import STRUCTURES

_FRAME = re.compile(r"frame-(\d+)")


class NiftiReader(Reader):
    """Reads a folder of NIfTI cines with a table."""

    patterns = ("*.tsv", "sub-*/**/*.nii.gz", "sub-*/**/*.nii")

    def find(self, root: Path) -> list[RawSubject]:
        """Subjects of `subjects.tsv` (or `participants.tsv`), one for each session where there are any.

        Raises
        ------
        SynthaugError
            There is no table, or it lacks the column of ids or one the study maps.
        """
        pattern = "subjects.tsv" if (root / "subjects.tsv").is_file() else "participants.tsv"
        file, table = metadata.read_table(root, pattern, tuple(self.settings.columns.values()))
        identifier = self.settings.columns.get("subject") or next(
            (name for name in ("subject", "participant_id") if name in table.columns), None
        )
        if identifier is None:
            raise SynthaugError(
                f"{file}: no column subject or participant_id; map it with `columns: {{subject: ...}}`"
            )
        subjects = []
        for _, row in table.iterrows():
            name = str(row[identifier]).removeprefix("sub-")
            if base.refused_id(name):
                subjects.append(base.unusable("id-refused", name, file, *base.REFUSED_ID))
                continue
            folder = root / f"sub-{name}"
            if not folder.is_dir():
                subjects.append(
                    base.unusable(
                        "listed-only",
                        name,
                        file,
                        "is listed but has no folder",
                        f"add the folder {folder.name}",
                    )
                )
                continue
            for place in sorted(folder.glob("ses-*")) or [folder]:
                session = place.name.removeprefix("ses-")
                visit = f"{name}-{session}" if place != folder else name
                subjects.append(_subject(visit, name, place, row, file, self.settings))
        return subjects


def _subject(
    name: str, patient: str, folder: Path, row: pd.Series, table: Path, settings: NiftiSettings
) -> RawSubject:
    def entry(field: str) -> object:
        return row.get(settings.columns.get(field, field))

    images = sorted(file for suffix in ("nii.gz", "nii") for file in folder.glob(f"**/*.{suffix}"))
    cines = [file for file in images if re.search(r"(^|_)cine\.nii", file.name)]
    label_files = [file for file in images if re.search(r"(^|_)labels\.nii", file.name)]
    if len(cines) != 1:
        problem = f"has {len(cines)} files named *cine.nii.gz"
        return base.unusable("cine-missing", name, folder, problem, "give one cine a subject and session")
    try:
        ed, es = (metadata.frame_index(entry(field), first=0) for field in ("ed_frame", "es_frame"))
    except ValueError as error:
        return base.unusable("frames-unread", name, table, str(error), "correct ed_frame and es_frame")
    return RawSubject(
        id=name,
        files=(cines[0], table, *label_files),
        load=partial(_load, name, cines[0], label_files, table, ed, es, settings),
        patient=metadata.text(entry("patient")) or patient,
        ed_frame=ed,
        es_frame=es,
        centre=metadata.text(entry("centre")),
        vendor=metadata.vendor_name(entry("vendor")),
        scanner=metadata.text(entry("scanner")),
        field_strength_t=metadata.number(entry("field_strength_t")),
        diagnosis=metadata.diagnosis_code(entry("diagnosis")),
        sequence=metadata.text(entry("sequence")),
        sex=metadata.text(entry("sex")),
        age=metadata.number(entry("age")),
        height_cm=metadata.number(entry("height_cm")),
        weight_kg=metadata.number(entry("weight_kg")),
    )


def _load(
    name: str,
    path: Path,
    label_files: list[Path],
    table: Path,
    ed: int | None,
    es: int | None,
    settings: NiftiSettings,
) -> RawCine:
    cine = base.read_cine(path, name, settings.single_frame)
    shape = cine.image.shape
    base.check_frames(name, table, shape[3], ed, es)
    labels = _label_map(settings.label_map)
    others: dict[Path, NiftiImage] = {}
    for file in label_files:
        others[file] = read_nifti(file, name)
        volume = others[file].array
        if settings.single_frame and volume.ndim == 3 and shape[3] == 1:
            volume = volume[..., None]
        match = _FRAME.search(file.name)
        if match is None:
            cine.labels |= base.split_label_cine(volume, labels, file, name, shape)
        else:
            frame = int(match[1])
            base.check_frames(name, file, shape[3], frame, None)
            cine.labels[frame] = base.canonical_labels(volume, labels, file, name, shape[:3])
    base.repair_spacing(cine, path, name, others, settings)
    return cine


def _label_map(names: Mapping[int, str]) -> dict[int, int]:
    return {label: STRUCTURES[structure] for label, structure in names.items()} or base.SAME_LABELS
