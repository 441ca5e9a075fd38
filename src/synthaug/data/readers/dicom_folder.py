"""A folder a subject with DICOM files anywhere below, and a table if there is one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydicom import Dataset

from synthaug.config.data import DicomSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.findings import Finding
from synthaug.data.readers import base, metadata
from synthaug.data.readers.base import RawSubject
from synthaug.data.readers.dicom_identity import patient_id
from synthaug.data.readers.dicom_subject import DicomLayout, dicom_subject, first_header
from synthaug.data.readers.folders import RawFolder, scan

_TABLES = ("subjects.tsv", "participants.tsv", "subjects.csv", "participants.csv")
_ID_COLUMNS = ("subject", "participant_id")


class DicomReader(DicomLayout):
    """Reads a folder of DICOM files a subject."""

    patterns = ("*.tsv", "*.csv", "*/**/*")

    def find(self, root: Path) -> list[RawSubject]:
        """A subject for each folder below `root`; the table adds what headers do not say, above all ED and ES.

        Raises
        ------
        SynthaugError
            The table cannot be read, or lacks the column of ids or one the study maps.
        """
        found = scan(root)
        file, rows, subjects = self._table(found)
        refused = [subject.id for subject in subjects]
        folders = [folder for folder in found.folders if folder.parent == root]
        names = [folder.name.removeprefix("sub-") for folder in folders]
        scanned, patient_ids = [], []
        for number, (name, folder) in enumerate(zip(names, folders, strict=True), start=1):
            if any(metadata.same_id(one, name) for one in refused):
                continue
            header = first_header([folder])
            patient_ids.append(patient_id(header))
            listed = next((key for key in rows if metadata.match_id(key, names) == name), None)
            row = {} if listed is None else rows.pop(listed)
            scanned.append(_subject(name, folder, number, len(folders), row, file, self.settings, header))
        subjects += _with_visits(base.with_patients(scanned, names), patient_ids)
        for name in rows:
            subjects.append(
                base.unusable("listed-only", name, file, "is listed but has no folder", "add its folder")
            )
        return subjects

    def _table(self, found: RawFolder) -> tuple[Path, dict[str, dict[str, str]], list[RawSubject]]:
        """The table's file, its rows by id, and what cannot be used of it; no rows without a table."""
        pattern = next((name for name in _TABLES if found.root / name in found.files), None)
        if pattern is None:
            return found.root, {}, []
        columns = self.settings.columns
        file, table = metadata.read_table(found, pattern, tuple(columns.values()))
        lowered = {str(column).lower(): str(column) for column in table.columns}
        identifier = columns.get("subject") or next(
            (lowered[name] for name in _ID_COLUMNS if name in lowered), None
        )
        if identifier is None:
            raise SynthaugError(
                f"{file}: no column subject or participant_id; map it with `columns: {{subject: ...}}`"
            )
        rows, refused = base.rows_by_id(table, identifier, file)
        return file, rows, refused


def _subject(
    name: str,
    folder: Path,
    number: int,
    total: int,
    row: Mapping[str, str],
    table: Path,
    settings: DicomSettings,
    header: Dataset | None,
) -> RawSubject:
    columns = {field: column.lower() for field, column in settings.columns.items()}
    entries = metadata.Entries({key.lower(): entry for key, entry in row.items()}, columns)
    try:
        ed, es = (entries.frame(field, first=0) for field in ("ed_frame", "es_frame"))
    except ValueError as error:
        called = dicom_subject(name, [folder], number, total, settings, header=header).id
        return base.unusable("frames-unread", called, table, str(error), "correct ed_frame and es_frame")
    return dicom_subject(
        name, [folder], number, total, settings, entries, header=header, ed_frame=ed, es_frame=es
    )


def _with_visits(subjects: Sequence[RawSubject], patient_ids: Sequence[str]) -> list[RawSubject]:
    """Subjects of one PatientID as visits of one patient, where the table does not say who the patient is.

    Three folders or more that all have the same PatientID have an anonymiser's constant; each stays a patient.

    Parameters
    ----------
    subjects : sequence of RawSubject
        One a folder, with the table's patient if it says one.
    patient_ids : sequence of str
        PatientID of each folder's headers; empty where unknown.
    """
    counts = Counter(told for told in patient_ids if told)
    is_constant = len(counts) == 1 and counts.total() > 2
    # An id of the headers is shown to nobody (`dicom_identity`): a patient is called as its first folder, or as listed.
    called: dict[str, str] = {}
    for subject, told in zip(subjects, patient_ids, strict=True):
        called.setdefault(told, subject.id)
    called |= {told: one.patient for one, told in zip(subjects, patient_ids, strict=True) if one.patient}
    found = []
    for subject, told in zip(subjects, patient_ids, strict=True):
        if subject.patient or counts[told] < 2:
            found.append(subject)
        elif is_constant:
            problem = f"all {counts[told]} folders have one PatientID"
            remedy = (
                "each is taken for a patient; give `patient` in the table where several are visits of one"
            )
            finding = Finding("dicom-patient-constant", problem, remedy)
            found.append(replace(subject, findings=(*subject.findings, finding)))
        else:
            problem = f"its PatientID is that of {counts[told]} folders"
            remedy = (
                "they are taken for visits of one patient; give `patient` in the table where they are not"
            )
            finding = Finding("dicom-visits", problem, remedy)
            found.append(replace(subject, patient=called[told], findings=(*subject.findings, finding)))
    return found
