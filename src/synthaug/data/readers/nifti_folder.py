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
from synthaug.data.readers.folders import image_stem, scan
from synthaug.data.readers.label_grid import on_cine_grid
from synthaug.labels import BACKGROUND, STRUCTURES
from synthaug.views import OTHER

_FRAME = re.compile(r"frame-(\d+)", re.IGNORECASE)
#: Ends of names, as words of their own.
_CINE, _LABELS = (re.compile(rf"(^|[^A-Za-z0-9]){kind}$", re.IGNORECASE) for kind in ("cine", "labels"))

#: Names of the table, the first that is there counts.
_TABLES = ("subjects.tsv", "participants.tsv", "subjects.csv", "participants.csv")


class NiftiReader(Reader):
    """Reads a folder of NIfTI cines with a table."""

    patterns = (
        *_TABLES,
        *(f"sub-*/**/*{kind}.nii{zip}" for kind in ("cine", "labels") for zip in (".gz", "")),
    )

    def find(self, root: Path) -> list[RawSubject]:
        """Subjects of `subjects.tsv` (or `participants.tsv`), one for each session where there are any.

        Raises
        ------
        SynthaugError
            There is no table, or it lacks the column of ids or one the study maps.
        """
        found = scan(root)
        pattern = next((name for name in _TABLES if root / name in found.files), _TABLES[0])
        file, table = metadata.read_table(found, pattern, tuple(self.settings.columns.values()))
        identifier = self._column(table, "subject", "participant_id")
        if identifier is None:
            raise SynthaugError(
                f"{file}: no column subject or participant_id; map it with `columns: {{subject: ...}}`"
            )
        images: dict[Path, list[Path]] = {}
        for image in found.files:
            place = image.relative_to(root).parts[0]
            if place.startswith("sub-") and image_stem(image) is not None:
                images.setdefault(root / place, []).append(image)
        folders = [folder for folder in found.folders if folder.parent == root and folder.name[:4] == "sub-"]
        names = [folder.name[4:] for folder in folders]
        session = self._column(table, "session_id", "session")
        listed, subjects = base.rows_by_id(table, identifier, file, session)
        refused = [subject.id for subject in subjects]
        folders = [
            folder
            for folder in folders
            if not any(metadata.same_id(name, folder.name[4:]) for name in refused)
        ]
        by_subject: dict[str, dict[str, dict[str, str]]] = {}
        for key, row in listed.items():
            name, _, visit = key.partition("\0")
            by_subject.setdefault(name, {})[visit] = row
        for name, rows in by_subject.items():
            match = metadata.match_id(name, [one.name[4:] for one in folders])
            folder = next((one for one in folders if one.name[4:] == match), None)
            if folder is None:
                remedy = f"add the folder sub-{name}"
                subjects.append(
                    base.unusable("listed-only", name, file, "is listed but has no folder", remedy)
                )
                continue
            folders.remove(folder)
            subjects += self._visits(folder.name[4:], folder, images.get(folder, []), rows, file)
        subjects += [
            base.unusable(
                "unlisted",
                folder.name[4:],
                folder,
                f"{file.name} does not list it",
                "add its row to the table",
            )
            for folder in folders
        ]
        return base.with_patients(subjects, names)

    def _column(self, table: pd.DataFrame, *names: str) -> str | None:
        """The table's name of a column: as the study maps it, or the first of the usual names."""
        mapped = self.settings.columns.get(names[0])
        lowered = {str(column).lower(): str(column) for column in table.columns}
        return mapped or next((lowered[name] for name in names if name in lowered), None)

    def _visits(
        self, name: str, folder: Path, images: list[Path], rows: Mapping[str, dict[str, str]], table: Path
    ) -> list[RawSubject]:
        """One subject for each session folder, or for the folder itself."""
        visits: dict[str, list[Path]] = {}
        for image in images:
            first = image.relative_to(folder).parts[0]
            visits.setdefault(first[4:] if first.startswith("ses-") else "", []).append(image)
        subjects = []
        if len(visits) > 1 and "" in visits:
            stray = visits.pop("")
            problem = f"{stray[0].name} lies beside the folders of sessions"
            subjects.append(
                base.unusable(
                    "cine-missing", name, stray[0], problem, "move it into the folder of its session"
                )
            )
        for session, files in (visits or {"": []}).items():
            listed = next((visit for visit in rows if metadata.match_id(visit, visits) == session), "")
            row = rows.get(listed)
            visit = f"{name}-{session}" if session else name
            if row is None and not session and len(rows) == 1:
                (row,) = rows.values()
            if row is None:
                problem = (
                    f"{table.name} has no row of session {session}"
                    if session
                    else "has rows of sessions only"
                )
                subjects.append(base.unusable("unlisted", visit, table, problem, "add its row to the table"))
            else:
                subjects.append(_subject(visit, name, folder, files, row, table, self.settings))
        for visit in rows:
            if (
                visit
                and not any(metadata.same_id(visit, session) for session in visits)
                and visits != {"": images}
            ):
                problem = f"session {visit} is listed but has no folder"
                subjects.append(
                    base.unusable(
                        "listed-only", f"{name}-{visit}", table, problem, f"add the folder ses-{visit}"
                    )
                )
        return subjects


def _subject(
    name: str,
    patient: str,
    folder: Path,
    images: list[Path],
    row: Mapping[str, str],
    table: Path,
    settings: NiftiSettings,
) -> RawSubject:
    columns = {field: column.lower() for field, column in settings.columns.items()}
    entries = metadata.Entries({key.lower(): entry for key, entry in row.items()}, columns)
    stems = {file: image_stem(file) or "" for file in images}
    cines = [file for file, stem in stems.items() if _CINE.search(stem)]
    label_files = [file for file, stem in stems.items() if _LABELS.search(stem)]
    if settings.shows == OTHER:
        label_files = []
    if len(cines) != 1:
        problem = f"has {len(cines)} files named *cine.nii.gz"
        return base.unusable("cine-missing", name, folder, problem, "give one cine a subject and session")
    try:
        ed, es = (entries.frame(field, first=0) for field in ("ed_frame", "es_frame"))
    except ValueError as error:
        return base.unusable("frames-unread", name, table, str(error), "correct ed_frame and es_frame")
    return RawSubject(
        id=name,
        files=(cines[0], table, *label_files),
        load=partial(_load, name, cines[0], label_files, table, ed, es, settings),
        patient=entries.text("patient") or patient,
        ed_frame=ed,
        es_frame=es,
        centre=entries.text("centre"),
        vendor=entries.vendor(),
        scanner=entries.text("scanner"),
        field_strength_t=entries.number("field_strength_t", "field_strength_t"),
        diagnosis=entries.diagnosis(),
        sequence=entries.text("sequence"),
        **entries.person(),
        findings=tuple(entries.findings),
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
    cine.view = settings.shows
    shape = cine.image.shape
    base.check_frames(name, table, shape[3], ed, es)
    labels = _label_map(settings.label_map)
    others: dict[Path, NiftiImage] = {}
    for file in label_files:
        others[file] = on_cine_grid(read_nifti(file, name), cine, file, name)
        volume = others[file].array
        if settings.single_frame and volume.ndim == 3 and shape[3] == 1:
            volume = volume[..., None]
        match = _FRAME.search(file.name)
        if match is None:
            base.add_label_cine(cine, volume, labels, file, name)
        else:
            one = base.canonical_labels(volume, labels, file, name, shape[:3])
            base.add_labels(cine, int(match[1]), one, file, name)
    base.settle_size(cine, path, name, others, settings)
    return cine


def _label_map(names: Mapping[int, str]) -> dict[int, int]:
    known = {**STRUCTURES, "background": BACKGROUND}
    return {label: known[structure] for label, structure in names.items()} or base.SAME_LABELS
