"""A folder a subject with DICOM files anywhere below, and a table if there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.config.data import DicomSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.readers import base, metadata
from synthaug.data.readers.base import RawSubject, Reader
from synthaug.data.readers.dicom_subject import dicom_subject
from synthaug.data.readers.folders import scan

_TABLES = ("subjects.tsv", "participants.tsv")


class DicomReader(Reader):
    """Reads a folder of DICOM files a subject."""

    patterns = ("*.tsv", "*/**/*")

    def find(self, root: Path) -> list[RawSubject]:
        """A subject for each folder below `root`; the table adds what headers do not say, above all ED and ES.

        Raises
        ------
        SynthaugError
            The table lacks the column of ids or one the study maps.
        """
        rows, file = self._rows(root)
        files = scan(root).files
        folders = sorted({root / path.relative_to(root).parts[0] for path in files if path.parent != root})
        subjects = []
        for number, folder in enumerate(folders, start=1):
            name = folder.name.removeprefix("sub-")
            row = rows.pop(name, None)
            subjects.append(_subject(name, folder, number, len(folders), row, file, self.settings))
        for name in rows:
            subjects.append(
                base.unusable("listed-only", name, file, "is listed but has no folder", "add its folder")
            )
        return subjects

    def _rows(self, root: Path) -> tuple[dict[str, pd.Series], Path]:
        pattern = next((name for name in _TABLES if (root / name).is_file()), None)
        if pattern is None:
            return {}, root
        file, table = metadata.read_table(root, pattern, tuple(self.settings.columns.values()))
        identifier = self.settings.columns.get("subject") or next(
            (name for name in ("subject", "participant_id") if name in table.columns), None
        )
        if identifier is None:
            raise SynthaugError(
                f"{file}: no column subject or participant_id; map it with `columns: {{subject: ...}}`"
            )
        return {str(row[identifier]).removeprefix("sub-"): row for _, row in table.iterrows()}, file


def _subject(
    name: str,
    folder: Path,
    number: int,
    total: int,
    row: pd.Series | None,
    table: Path,
    settings: DicomSettings,
) -> RawSubject:
    def entry(field: str) -> Any:
        return None if row is None else row.get(settings.columns.get(field, field))

    try:
        ed, es = (metadata.frame_index(entry(field), first=0) for field in ("ed_frame", "es_frame"))
    except ValueError as error:
        return base.unusable("frames-unread", name, table, str(error), "correct ed_frame and es_frame")
    return dicom_subject(name, [folder], number, total, settings, entry, ed_frame=ed, es_frame=es)
