"""A subject of DICOM files: its id and the metadata of its headers, whatever the layout."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydicom import Dataset

from synthaug.config.data import DicomDatasetSettings
from synthaug.data.findings import Finding
from synthaug.data.readers import metadata
from synthaug.data.readers.base import RawCine, RawSubject, Reader, check_frames
from synthaug.data.readers.dicom_files import DamagedDicom, NotDicom, quiet, read_dataset, sources_below
from synthaug.data.readers.dicom_frames import TAGS
from synthaug.data.readers.dicom_identity import IDENTIFYING, Identity
from synthaug.data.readers.dicom_stack import Place, read_stack
from synthaug.data.readers.metadata import Entries

#: Files of a subject whose header is tried before it counts as having none.
_TRIED = 20
_AGE = re.compile(r"(\d{1,3})([DWMY])")
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}


class DicomLayout(Reader):
    """A reader of DICOM files, in whatever folders."""

    many_files = True

    @property
    def names_patients(self) -> bool:
        """True unless the study says that the names are pseudonyms."""
        return not self.settings.pseudonyms


def dicom_subject(
    name: str,
    folders: Sequence[Path],
    number: int,
    total: int,
    settings: DicomDatasetSettings,
    entries: Entries | None = None,
    load: Callable[..., RawCine] | None = None,
    shown: Path | None = None,
    header: Dataset | None = None,
    **known: Any,
) -> RawSubject:
    """One subject with the metadata of its headers.

    Parameters
    ----------
    name : str
        Its folder's name, which is its id unless it says who the patient is.
    folders : sequence of Path
        Folders and archives with its files.
    number, total : int
        Which of how many folders in the order of names it is: how a folder is called that must not be named.
    settings : DicomDatasetSettings
        Of the dataset.
    entries : Entries, optional
        The subject's row of the dataset's own table; it takes precedence over headers.
    load : callable, optional
        ``load(place, settings, ed, es)``; by default the stack alone is read.
    shown : Path, optional
        Folder that errors name; the first of `folders` by default.
    header : Dataset, optional
        What `first_header` gives of `folders`, where it was read already.
    **known
        Fields that the layout knows itself; they take precedence over the headers.
    """
    header = first_header(folders) if header is None else header
    entries = entries or Entries({})
    subject, shown = name, shown or folders[0]
    replaced = []
    if header is not None and not settings.pseudonyms and (identity := Identity([header])).is_in(name):
        subject = identity.hashed(name)
        shown = shown.parent / f"folder {number} of {total}"
        problem = "the folder's name says who the patient is or when the visit was"
        replaced.append(Finding("dicom-id-replaced", problem, f"the subject is called {subject}"))
    listed = {
        **{field: entries.text(field) for field in ("centre", "scanner", "sequence")},
        "field_strength_t": entries.number("field_strength_t", "field_strength_t"),
        "vendor": entries.vendor(),
        "diagnosis": entries.diagnosis(),
        "patient": entries.text("patient"),
        **entries.person(),
        **known,
    }
    fields = {} if header is None else _described(header)
    fields |= {key: value for key, value in listed.items() if value is not None}
    place = Place(subject, tuple(folders), shown)
    return RawSubject(
        id=subject,
        files=(shown,),
        load=partial(load or _load, place, settings, fields.get("ed_frame"), fields.get("es_frame")),
        findings=(*replaced, *entries.findings),
        **fields,
    )


def _load(place: Place, settings: DicomDatasetSettings, ed: int | None, es: int | None) -> RawCine:
    cine = read_stack(place, settings.series).cine
    check_frames(place.subject, place.shown, cine.image.shape[3], ed, es)
    return cine


def first_header(folders: Sequence[Path]) -> Dataset | None:
    """Header of the first file that is a DICOM image, without pixels."""
    tried = 0
    for folder in folders:
        try:
            sources = sources_below(folder)
        except DamagedDicom:
            continue
        for source in sources:
            if tried == _TRIED:
                return None
            try:
                header = read_dataset(source.read(), (*TAGS, *IDENTIFYING))
            except (NotDicom, DamagedDicom):
                tried += 1
                continue
            return header
    return None


def _described(header: Dataset) -> dict[str, Any]:
    """Vendor, scanner, field strength, sex, age, height and weight of a header; what cannot be read is unknown."""

    def value(keyword: str) -> Any:
        try:
            with quiet():
                return header.get(keyword)
        except Exception:  # a damaged value
            return None

    sex = str(value("PatientSex") or "").strip().upper()
    return {
        "vendor": metadata.vendor_name(value("Manufacturer")),
        "scanner": metadata.text(value("ManufacturerModelName")),
        "field_strength_t": _possible(value("MagneticFieldStrength"), "field_strength_t"),
        "sex": sex if sex in ("F", "M", "O") else None,
        "age": _possible(age_in_years(value("PatientAge")), "age"),
        "height_cm": _possible(value("PatientSize"), "height_cm"),
        "weight_kg": _possible(value("PatientWeight"), "weight_kg"),
    }


def age_in_years(value: Any) -> float | None:
    """Age of a DICOM age string in years: ``061Y``, ``018M``, ``006W``, ``012D``; None where it is none, or 0."""
    match = _AGE.fullmatch(str(value or "").strip().upper())
    if match is None:
        return None
    years = int(match[1]) * _YEARS[match[2]]
    return years or None


def _possible(value: Any, quantity: str) -> float | None:
    """A number of a header in the unit of the cohort's column; None for one that nobody has. None is quoted.

    PatientSize is in metres and MagneticFieldStrength in tesla; some write centimetres and gauss.
    """
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return metadata.possible(found, quantity) if found > 0 else None
