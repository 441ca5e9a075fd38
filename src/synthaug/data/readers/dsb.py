"""Data Science Bowl 2015 (Kaggle): `<set>/<id>/study/sax_<n>/*.dcm`, and LV volumes in a table instead of labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from synthaug.config.data import DsbSettings
from synthaug.core.text_tables import read_text_table
from synthaug.data.findings import Finding
from synthaug.data.readers import base, metadata
from synthaug.data.readers.base import RawCine, RawSubject
from synthaug.data.readers.dicom_files import Source
from synthaug.data.readers.dicom_stack import Place, read_stack
from synthaug.data.readers.dicom_subject import DicomLayout, dicom_subject
from synthaug.data.readers.reported_volumes import ReportedSubject

#: Tables of the competition; that of the test set came out after it.
_TABLES = ("train.csv", "validate.csv", "test.csv")
#: Depths of `study` below the root: within a set, and within a set in the folder of its archive.
_STUDIES = ("*/study", "*/*/study", "*/*/*/study")


class DsbReader(DicomLayout):
    """Reads the Data Science Bowl 2015."""

    patterns = ("**/*.csv", "**/study/sax_*/*.dcm")

    def find(self, root: Path) -> list[RawSubject]:
        """Subjects of the sets that are there, with the reported volumes of the tables that are there.

        Raises
        ------
        SynthaugError
            A table lacks a column.
        """
        volumes, subjects = _volumes(root)
        refused = {subject.id for subject in subjects}
        studies = sorted(
            {study for pattern in _STUDIES for study in root.glob(pattern) if study.is_dir()},
            key=lambda study: study.parent.name,
        )
        for number, study in enumerate(studies, start=1):
            name = study.parent.name
            if name in refused:
                continue
            slices = [folder for folder in sorted(study.glob("sax_*")) if folder.is_dir()]
            file, row = volumes.pop(name, (root, None))
            if not slices:
                subjects.append(
                    base.unusable(
                        "cine-missing",
                        name,
                        study,
                        "has no folder sax_<n>",
                        "copy the study again from its source",
                    )
                )
                continue
            reported, findings = _reported(row)
            found = dicom_subject(
                name,
                slices,
                number,
                len(studies),
                self.settings,
                load=_load,
                shown=study.parent,
            )
            known = {field.name: getattr(found, field.name) for field in fields(RawSubject)}
            known["findings"] = (*found.findings, *findings)
            subjects.append(ReportedSubject(**known, reported=reported))
        for name, (file, _) in volumes.items():
            subjects.append(
                base.unusable("listed-only", name, file, "is listed but has no images", "add its study")
            )
        return subjects


def _load(place: Place, settings: DsbSettings, ed: int | None, es: int | None) -> RawCine:
    cine = read_stack(place, settings.series, _is_image).cine
    # Each slice is triggered by the R wave, so that the first frame is at end-diastole.
    cine.ed_frame = 0
    return cine


def _is_image(source: Source) -> bool:
    return source.name.lower().endswith(".dcm")


def _volumes(root: Path) -> tuple[dict[str, tuple[Path, Mapping[str, str] | None]], list[RawSubject]]:
    """Table and its row by id, and the subjects that the tables contradict each other about."""
    found: dict[str, tuple[Path, Mapping[str, str] | None]] = {}
    refused: dict[str, RawSubject] = {}
    for name in _TABLES:
        for file in sorted((*root.glob(name), *root.glob(f"*/{name}"))):
            table = read_text_table(file, ("Id", "Systole", "Diastole"))
            rows, unusable = base.rows_by_id(table, "Id", file)
            refused |= {subject.id: subject for subject in unusable}
            for subject, row in rows.items():
                if subject in found and _told(found[subject][1]) != _told(row):
                    problem = f"{file.name} and {found[subject][0].name} give it different volumes"
                    refused[subject] = base.unusable(
                        "row-twice", subject, file, problem, "keep one of the rows"
                    )
                found[subject] = file, row
    return {name: row for name, row in found.items() if name not in refused}, list(refused.values())


def _told(row: Mapping[str, str] | None) -> tuple[str, ...]:
    return () if row is None else (row["Diastole"], row["Systole"])


def _reported(row: Mapping[str, str] | None) -> tuple[dict[str, float], list[Finding]]:
    """Volumes in mL of a row, or what is wrong with them."""
    if row is None or not (row["Diastole"] or row["Systole"]):
        return {}, []
    entries = metadata.Entries(row)
    edv, esv = entries.number("Diastole", "volume_ml"), entries.number("Systole", "volume_ml")
    if edv is None or esv is None or not esv < edv:
        problem = f"Diastole {row['Diastole']} and Systole {row['Systole']} of the table are no volumes in mL"
        return {}, [Finding("dsb-volumes", problem, "they are unknown; correct the table")]
    return {"reported_edv_ml": edv, "reported_esv_ml": esv}, entries.findings
