"""Sunnybrook Cardiac Data: DICOM files, and contours of the LV as text.

Radau et al., MIDAS Journal, 2009. The folders are those of the Cardiac Atlas Project (`SCD0000101`, with a table that
says whose contours are whose) or of the challenge of 2009 (`SC-HF-I-01`). Contours are matched with images by the number
at the end of the image's name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from synthaug.config.data import SunnybrookSettings
from synthaug.core.text_tables import read_text_table
from synthaug.data.findings import Finding, SubjectError
from synthaug.data.readers import base, metadata
from synthaug.data.readers.base import RawCine, RawSubject
from synthaug.data.readers.contours import pixels_inside, read_contour
from synthaug.data.readers.dicom_files import Source
from synthaug.data.readers.dicom_stack import Place, Stack, read_stack
from synthaug.data.readers.dicom_subject import DicomLayout, dicom_subject
from synthaug.data.readers.folders import RawFolder, scan
from synthaug.labels import LV, MYO

_TABLES = tuple(
    f"{folder}{name}.csv" for folder in ("", "*/") for name in ("scd_patientdata", "SCD_PatientData")
)
#: The table's names of the cohort's columns.
_COLUMNS = {"sex": "Gender", "age": "Age"}
_PATIENT = re.compile(r"SCD\d{7}|SC-[A-Z]+(-[A-Z]+)?-\d+")
_IMAGE = re.compile(r".*?(\d+)\.dcm", re.IGNORECASE)
_CONTOUR = re.compile(r"IM-\d+-(\d+)-([io])contour-manual\.txt")
#: Frames with fewer contours than this share of the most are strays.
_STRAY = 1 / 3
#: The pathology that an original id begins with, as ACDC calls it where it means the same.
_DIAGNOSES = {"SC-N": "NOR", "SC-HF-I": "MINF", "SC-HF-NI": "HF-NI", "SC-HYP": "HYP", "SC-RV": "RV"}


class SunnybrookReader(DicomLayout):
    """Reads the Sunnybrook Cardiac Data."""

    patterns = (*_TABLES, "**/*.dcm", "**/*contour-manual.txt")

    def find(self, root: Path) -> list[RawSubject]:
        """Patients that have images, with the contours of the expert (`IRCCI-expert`) where there are some.

        Raises
        ------
        SynthaugError
            The table cannot be read, or lacks a column.
        """
        images: dict[str, set[Path]] = defaultdict(set)
        contours: dict[str, dict[tuple[int, str], Path]] = defaultdict(dict)
        found = scan(root)
        for file in found.files:
            parts = file.relative_to(root).parts
            place = next((place for place, part in enumerate(parts) if _PATIENT.fullmatch(part)), None)
            if place is None:
                continue
            if match := _CONTOUR.fullmatch(file.name):
                if "IRCCI-expert" in parts:
                    contours[_unpadded(parts[place])][int(match[1]), match[2]] = file
            elif _IMAGE.fullmatch(file.name):
                images[parts[place]].add(root.joinpath(*parts[: place + 1]))
        table, rows, subjects = _rows(found)
        refused = {subject.id for subject in subjects}
        for number, (name, folders) in enumerate(sorted(images.items()), start=1):
            if name in refused:
                continue
            row = rows.pop(_listed(name, rows), {})
            original = metadata.text(row.get("OriginalID")) or name
            drawn = contours.get(_unpadded(original), {})
            entries = metadata.Entries(row, _COLUMNS)
            subjects.append(
                dicom_subject(
                    name,
                    sorted(folders),
                    number,
                    len(images),
                    self.settings,
                    entries,
                    load=partial(_load, contours=drawn),
                    diagnosis=_DIAGNOSES.get(original.rpartition("-")[0]),
                )
            )
        for name in rows:
            problem, remedy = "is listed but has no images", f"add the folder {name}"
            subjects.append(base.unusable("listed-only", name, table, problem, remedy))
        return subjects


def _rows(found: RawFolder) -> tuple[Path, dict[str, dict[str, str]], list[RawSubject]]:
    """The table of patients, its rows by `PatientID` and the patients that it contradicts itself about; none without."""
    files = found.matching(*_TABLES)
    if not files:
        return found.root, {}, []
    table = read_text_table(files[0], ("PatientID", "OriginalID"))
    return files[0], *base.rows_by_id(table, "PatientID", files[0])


def _listed(name: str, rows: Mapping[str, Mapping[str, str]]) -> str:
    """Key of a folder's row, whose name is the patient's or, in the challenge's own folders, the original one."""
    if name in rows:
        return name
    alike = (key for key, row in rows.items() if _unpadded(row["OriginalID"]) == _unpadded(name))
    return next(alike, name)


def _unpadded(original: str) -> str:
    """An original id without leading zeros: the table has SC-HF-I-1, the folders SC-HF-I-01."""
    stem, _, number = original.rpartition("-")
    return f"{stem}-{int(number)}" if number.isdigit() and stem else original


def _load(
    place: Place,
    settings: SunnybrookSettings,
    ed: int | None,
    es: int | None,
    contours: Mapping[tuple[int, str], Path],
) -> RawCine:
    stack = read_stack(place, settings.series, _is_image)
    stack.cine.labels = _labels(stack, place.subject, contours, settings.first_pixel)
    stack.cine.partly_drawn = bool(stack.cine.labels)  # no RV, and outer contours at ED only
    return stack.cine


def _is_image(source: Source) -> bool:
    return _IMAGE.fullmatch(source.name) is not None


def _labels(
    stack: Stack, subject: str, contours: Mapping[tuple[int, str], Path], first_pixel: float
) -> dict[int, np.ndarray]:
    """Canonical labels of the contoured frames: LV inside the inner contours, MYO between inner and outer ones."""
    columns, rows, n_slices, _ = stack.cine.image.shape
    inside: dict[int, dict[tuple[int, str], np.ndarray]] = defaultdict(dict)
    matched = set()
    for z, sources in enumerate(stack.sources):
        for frame, source in enumerate(sources):
            match = _IMAGE.fullmatch(source.name)
            for kind in ("i", "o"):
                file = contours.get((int(match[1]), kind)) if match else None
                if file is not None:
                    matched.add(file)
                    inside[frame][z, kind] = _mask(file, subject, (rows, columns), first_pixel)
    findings = stack.cine.findings
    if lost := len(contours) - len(matched):
        problem = f"{lost} of {len(contours)} contours belong to images that are not in the stack"
        findings.append(Finding("contours-unmatched", problem, "they are not used"))
    most = max((len({z for z, _ in masks}) for masks in inside.values()), default=0)
    labels = {}
    for frame, masks in sorted(inside.items()):
        count = len({z for z, _ in masks})
        if count < _STRAY * most:
            problem = f"frame {frame + 1} has contours in {count} slices, another frame in {most}"
            findings.append(Finding("contours-stray", problem, "they are not used"))
            continue
        volume = np.zeros((columns, rows, n_slices), np.uint8)
        for kind, label in (("o", MYO), ("i", LV)):  # the LV last, which lies inside
            for (z, found), mask in masks.items():
                if found == kind:
                    volume[..., z][mask.T] = label
        labels[frame] = volume
    return labels


def _mask(file: Path, subject: str, shape: tuple[int, int], first_pixel: float) -> np.ndarray:
    try:
        return pixels_inside(read_contour(file), shape, first_pixel)
    except (OSError, ValueError):
        raise SubjectError(
            "contour-unread",
            subject,
            file,
            "is no contour of three or more points",
            "copy it again from its source",
        ) from None
