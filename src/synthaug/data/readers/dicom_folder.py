"""A folder a subject with DICOM files anywhere below, and a table if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from synthaug.config.data import DicomSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.readers import base, metadata
from synthaug.data.readers.base import RawSubject
from synthaug.data.readers.dicom_subject import DicomLayout, dicom_subject
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
        folders = [folder for folder in found.folders if folder.parent == root]
        names = [folder.name.removeprefix("sub-") for folder in folders]
        for number, folder in enumerate(folders, start=1):
            name = folder.name.removeprefix("sub-")
            listed = next((key for key in rows if metadata.match_id(key, names) == name), None)
            row = {} if listed is None else rows.pop(listed)
            subjects.append(_subject(name, folder, number, len(folders), row, file, self.settings))
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
        return file, {name.removeprefix("sub-"): row for name, row in rows.items()}, refused


def _subject(
    name: str,
    folder: Path,
    number: int,
    total: int,
    row: Mapping[str, str],
    table: Path,
    settings: DicomSettings,
) -> RawSubject:
    columns = {field: column.lower() for field, column in settings.columns.items()}
    entries = metadata.Entries({key.lower(): entry for key, entry in row.items()}, columns)
    try:
        ed, es = (entries.frame(field, first=0) for field in ("ed_frame", "es_frame"))
    except ValueError as error:
        called = dicom_subject(name, [folder], number, total, settings).id
        return base.unusable("frames-unread", called, table, str(error), "correct ed_frame and es_frame")
    return dicom_subject(name, [folder], number, total, settings, entries, ed_frame=ed, es_frame=es)
