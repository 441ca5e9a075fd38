"""Exports in the style of UK Biobank: `<eid>_20209_<visit>_<array>.zip`, or a folder of that name, of DICOM series."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from synthaug.data.readers.base import RawSubject
from synthaug.data.readers.dicom_identity import Identity
from synthaug.data.readers.dicom_subject import DicomLayout, dicom_subject
from synthaug.data.readers.folders import scan


class UkbReader(DicomLayout):
    """Reads an archive or a folder a participant and visit, and of it the series that the settings name."""

    patterns = ("**/*_*_*_*.zip", "**/*_*_*_*/**/*.dcm")

    def find(self, root: Path) -> list[RawSubject]:
        """A subject for each participant and visit: `<eid>-<visit>`, of the patient `<eid>`."""
        name = re.compile(rf"(\d+)_{re.escape(self.settings.field)}_(\d+)_\d+")
        places: dict[tuple[str, str], set[Path]] = defaultdict(set)
        for file in scan(root).files:
            parts = file.relative_to(root).parts
            for depth, part in enumerate(parts):
                is_archive = depth == len(parts) - 1 and part.lower().endswith(".zip")
                match = name.fullmatch(part[:-4] if is_archive else part)
                if match and (is_archive or depth < len(parts) - 1):
                    places[match[1], match[2]].add(root.joinpath(*parts[: depth + 1]))
                    break
        subjects = []
        for number, ((eid, visit), folders) in enumerate(sorted(places.items()), start=1):
            subjects.append(
                dicom_subject(
                    f"{eid}-{visit}",
                    sorted(folders),
                    number,
                    len(places),
                    self.settings,
                    # All visits of a participant stay one patient.
                    patient=eid if self.settings.pseudonyms else Identity().hashed(eid),
                )
            )
        return subjects
