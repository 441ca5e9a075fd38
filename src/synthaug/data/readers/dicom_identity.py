"""Privacy of DICOM: what identifies a patient, kept out of ids, findings and file names.

Subjects are called by their folders. A folder whose name is that of its patient is replaced by a hash; a file is shown
under its name unless that has an identifying value in it. Values of the identifying elements go nowhere else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from pydicom import Dataset

from synthaug.data.readers.dicom_files import quiet

#: Elements whose values identify a patient, a visit or a device.
IDENTIFYING = (
    "PatientName", "PatientID", "OtherPatientIDs", "OtherPatientNames", "PatientBirthName", "PatientBirthDate",
    "PatientAddress", "PatientTelephoneNumbers", "PatientMotherBirthName", "PatientComments",
    "AccessionNumber", "StudyID", "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName",
    "StationName", "DeviceSerialNumber", "ReferringPhysicianName", "PerformingPhysicianName",
    "NameOfPhysiciansReadingStudy", "RequestingPhysician", "OperatorsName",
    "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime", "InstanceCreationDate",
    "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID",
)  # fmt: skip
#: Those of them that name people, whose first or last name alone identifies them.
_PEOPLE = tuple(key for key in IDENTIFYING if re.search("Patient.*Name|Physician|Operators", key))
_UID = re.compile(r"\d+(?:\.\d+){4,}")
#: Shorter parts of a name or an id occur in other words.
_SHORTEST_NAME, _SHORTEST_ID = 3, 5


class Identity:
    """What identifies the patient of some DICOM files.

    Parameters
    ----------
    datasets : iterable of Dataset
        Headers with the elements of `IDENTIFYING`.
    """

    def __init__(self, datasets: Iterable[Dataset] = ()) -> None:
        self._names: set[str] = set()
        self._others: set[str] = set()
        self._study = ""
        for dataset in datasets:
            self.add(dataset)

    def add(self, dataset: Dataset) -> None:
        """Take in one more header."""
        with quiet():
            self._add(dataset)

    def _add(self, dataset: Dataset) -> None:
        for keyword in IDENTIFYING:
            for value in _values(dataset, keyword):
                if keyword in _PEOPLE:
                    self._names.update(_plain(part) for part in re.split(r"[\^\s,=._-]+", value))
                if plain := _plain(value):
                    self._others.add(plain)
        self._study = self._study or next(iter(_values(dataset, "StudyInstanceUID")), "")

    def is_in(self, text: str) -> bool:
        """True if a folder's or file's name says who the patient is, or when the visit was."""
        plain = _plain(text)
        whole = plain in self._others
        name = any(len(part) >= _SHORTEST_NAME and part in plain for part in self._names if part.isalpha())
        other = any(len(part) >= _SHORTEST_ID and part in plain for part in self._others)
        return whole or name or other or _UID.search(text) is not None

    def hashed(self, folder: str) -> str:
        """An id for a folder whose name must not be shown: the same each time, and not to be guessed from the name."""
        return "anon-" + hashlib.sha256(f"{self._study}/{folder}".encode()).hexdigest()[:12]


def patient_id(header: Dataset | None) -> str:
    """PatientID of a header; empty where there is none, or none that can be read."""
    if header is None:
        return ""
    with quiet():
        return next(iter(_values(header, "PatientID")), "").strip()


def _values(dataset: Dataset, keyword: str) -> list[str]:
    try:
        value: Any = dataset.get(keyword)
    except Exception:  # a damaged value
        return []
    if value is None or value == "":
        return []
    several = (
        not isinstance(value, str) and hasattr(value, "__iter__") and type(value).__name__ == "MultiValue"
    )
    return [str(part) for part in (value if several else [value]) if str(part).strip()]


def _plain(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.casefold())
