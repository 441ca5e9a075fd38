"""Data Science Bowl 2015 (Kaggle): `<set>/<id>/study/sax_<n>/*.dcm`, and LV volumes in a table instead of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import pandas as pd

from synthaug.config.data import DsbSettings
from synthaug.data.findings import Finding
from synthaug.data.readers import base, metadata
from synthaug.data.readers.base import RawCine, RawSubject, Reader
from synthaug.data.readers.dicom_files import Source
from synthaug.data.readers.dicom_stack import Place, read_stack
from synthaug.data.readers.dicom_subject import dicom_subject
from synthaug.data.readers.reported_volumes import ReportedSubject

#: Tables of the competition; that of the test set came out after it.
_TABLES = ("train.csv", "validate.csv", "test.csv")
#: Depths of `study` below the root: within a set, and within a set in the folder of its archive.
_STUDIES = ("*/study", "*/*/study", "*/*/*/study")


class DsbReader(Reader):
    """Reads the Data Science Bowl 2015."""

    patterns = ("**/*.csv", "**/study/sax_*/*.dcm")

    def find(self, root: Path) -> list[RawSubject]:
        """Subjects of the sets that are there, with the reported volumes of the tables that are there.

        Raises
        ------
        SynthaugError
            A table lacks a column.
        """
        volumes = _volumes(root)
        studies = sorted(
            {study for pattern in _STUDIES for study in root.glob(pattern) if study.is_dir()},
            key=lambda study: study.parent.name,
        )
        subjects = []
        for number, study in enumerate(studies, start=1):
            name = study.parent.name
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
                findings=findings,
                shown=study.parent,
            )
            known = {field.name: getattr(found, field.name) for field in fields(RawSubject)}
            subjects.append(ReportedSubject(**known, reported=reported))
        for name, (file, _) in volumes.items():
            subjects.append(
                base.unusable("listed-only", name, file, "is listed but has no images", "add its study")
            )
        return subjects


def _load(
    place: Place, findings: Sequence[Finding], settings: DsbSettings, ed: int | None, es: int | None
) -> RawCine:
    cine = read_stack(place, settings.series, _is_image).cine
    # Each slice is triggered by the R wave, so that the first frame is at end-diastole.
    cine.ed_frame = 0
    cine.findings[:0] = findings
    return cine


def _is_image(source: Source) -> bool:
    return source.name.lower().endswith(".dcm")


def _volumes(root: Path) -> dict[str, tuple[Path, pd.Series | None]]:
    """Table and its row by id."""
    found: dict[str, tuple[Path, pd.Series | None]] = {}
    for name in _TABLES:
        for folder in sorted({file.parent for file in (*root.glob(name), *root.glob(f"*/{name}"))}):
            file, table = metadata.read_table(folder, name, ("Id", "Systole", "Diastole"))
            found |= {str(row["Id"]).strip(): (file, row) for _, row in table.iterrows()}
    return found


def _reported(row: pd.Series | None) -> tuple[dict[str, float], list[Finding]]:
    """Volumes in mL of a row, or what is wrong with them."""
    if row is None or not (metadata.text(row["Diastole"]) or metadata.text(row["Systole"])):
        return {}, []
    edv, esv = metadata.number(row["Diastole"]), metadata.number(row["Systole"])
    if edv is None or esv is None or esv >= edv:
        problem = f"Diastole {row['Diastole']} and Systole {row['Systole']} of the table are no volumes in mL"
        return {}, [Finding("dsb-volumes", problem, "they are unknown; correct the table")]
    return {"reported_edv_ml": edv, "reported_esv_ml": esv}, []
