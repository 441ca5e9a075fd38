"""Images of DICOM files: one record a frame, of classic files and of enhanced multi-frame ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydicom import Dataset

from synthaug.data.readers.dicom_files import DamagedDicom, NotDicom, Source, quiet

#: What may say in which order the frames of a slice were taken, most trusted first.
TRIGGER_TIME, TRIGGER_DELAY, TEMPORAL_POSITION, NUMBER = (
    "trigger time",
    "cardiac trigger delay",
    "temporal position",
    "instance number",
)
ORDERS = (TRIGGER_TIME, TRIGGER_DELAY, TEMPORAL_POSITION, NUMBER)
#: Image types that are no magnitude.
_NO_MAGNITUDE = {"P", "R", "I", "PHASE", "PHASE MAP", "VELOCITY", "VELOCITY MAP", "REAL", "IMAGINARY"}
#: Deviation of a direction from unit length, or of two from a right angle, that rounding in a header explains.
_ROUNDING = 0.02

#: Keywords that `frames_of` and `dicom_subject` read.
TAGS = (
    "SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID",
    "PatientID", "SeriesDescription", "ProtocolName", "SeriesNumber", "AcquisitionNumber", "InstanceNumber",
    "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime", "SeriesDate", "SeriesTime", "ContentTime",
    "TriggerTime", "NominalCardiacTriggerDelayTime", "TemporalPositionIdentifier", "TemporalPositionIndex",
    "NominalInterval", "SliceThickness", "SpacingBetweenSlices", "ImagePositionPatient",
    "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel",
    "PhotometricInterpretation", "RescaleSlope", "RescaleIntercept", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "Manufacturer", "ManufacturerModelName", "MagneticFieldStrength",
    "PatientSex", "PatientAge", "PatientSize", "PatientWeight",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class DicomFrame:
    """One image, with what its header says of its place and time.

    Attributes
    ----------
    source, index : Source, int
        The file, and which of its frames this is.
    instance, study, series, patient : str
        Identifiers that are compared and never shown.
    description : str
        Series description and protocol, which a study's `series` is matched with; never shown.
    acquired : tuple
        Date, time, series number, acquisition number; the later, the larger.
    acquisition : int
        Acquisition number within the series.
    position : ndarray, shape (3,)
        Centre of the first pixel in mm, in DICOM's axes (left, posterior, superior).
    directions : ndarray, shape (2, 3)
        Unit vectors along a row (columns ascending) and along a column (rows ascending).
    grid : tuple
        Rows, columns, distance of rows and of columns in mm.
    orders : dict of str to float
        Value by key of `ORDERS`; times in the unit of the file.
    interval_ms : float or None
        Duration of a heart beat.
    distance_mm, thickness_mm : float or None
        Distance of slices and their thickness, as the header says.
    slope, intercept : float
        Intensity = slope x stored value + intercept.
    inverted : bool
        Whether the largest stored value is black (MONOCHROME1).
    """

    source: Source
    index: int
    instance: str
    study: str
    series: str
    patient: str
    description: str
    acquired: tuple[str, str, float, float]
    acquisition: int
    position: np.ndarray
    directions: np.ndarray
    grid: tuple[int, int, float, float]
    orders: dict[str, float] = field(default_factory=dict)
    interval_ms: float | None = None
    distance_mm: float | None = None
    thickness_mm: float | None = None
    slope: float = 1.0
    intercept: float = 0.0
    inverted: bool = False

    @property
    def normal(self) -> np.ndarray:
        """Unit vector perpendicular to the slice."""
        return np.cross(*self.directions)


def frames_of(source: Source, header: Dataset) -> list[DicomFrame]:
    """Images of a file.

    Parameters
    ----------
    source : Source
        The file.
    header : Dataset
        Its elements `TAGS`.

    Returns
    -------
    list of DicomFrame
        Empty where the file holds no magnitude image in grey levels, as reports, presentation states, screenshots and
        velocity maps.

    Raises
    ------
    NotDicom
        The file has no image.
    DamagedDicom
        A frame has no position, direction or pixel spacing.
    """
    try:
        with quiet():
            return _frames(source, header)
    except (DamagedDicom, NotDicom):
        raise
    except Exception:  # a damaged value raises when it is looked at
        raise DamagedDicom("has a header with values that cannot be read") from None


def _frames(source: Source, header: Dataset) -> list[DicomFrame]:
    rows, columns = _number(header, "Rows"), _number(header, "Columns")
    if rows is None or columns is None:
        raise NotDicom
    grey = str(header.get("PhotometricInterpretation", "MONOCHROME2")).strip().upper()
    if (_number(header, "SamplesPerPixel") or 1) != 1 or not grey.startswith("MONOCHROME"):
        return []
    per_frame = list(header.get("PerFrameFunctionalGroupsSequence") or [])
    shared = list(header.get("SharedFunctionalGroupsSequence") or [])
    count = int(_number(header, "NumberOfFrames") or 1)
    if count > 1 and len(per_frame) != count:
        raise DamagedDicom("holds several frames without their positions")
    found = []
    for index in range(count):
        # What a frame says itself stands before what all frames share, and that before the file.
        places = [*(per_frame[index : index + 1]), *shared[:1], header]
        kind = _texts(_entry(places, "FrameType", "MRImageFrameTypeSequence") or header.get("ImageType"))
        if _NO_MAGNITUDE & set(kind[2:]):
            continue
        number = _number(header, "InstanceNumber")
        acquisition = _number(header, "AcquisitionNumber") or 0
        found.append(
            DicomFrame(
                source,
                index,
                _text(header, "SOPInstanceUID"),
                _text(header, "StudyInstanceUID"),
                _text(header, "SeriesInstanceUID"),
                _text(header, "PatientID"),
                " ".join(_text(header, keyword) for keyword in ("SeriesDescription", "ProtocolName")),
                _acquired(places, header),
                int(acquisition),
                _vector(_entry(places, "ImagePositionPatient", "PlanePositionSequence"), 3, "position"),
                _directions(_entry(places, "ImageOrientationPatient", "PlaneOrientationSequence")),
                (int(rows), int(columns), *_spacing(_entry(places, "PixelSpacing", "PixelMeasuresSequence"))),
                _orders(places, float(index) if count > 1 else number),
                _float(
                    _entry(places, "RRIntervalTimeNominal", "CardiacSynchronizationSequence")
                    or header.get("NominalInterval")
                ),
                _positive(_entry(places, "SpacingBetweenSlices", "PixelMeasuresSequence")),
                _positive(_entry(places, "SliceThickness", "PixelMeasuresSequence")),
                *_scale(places),
                grey == "MONOCHROME1",
            )
        )
    return found


def _entry(places: Sequence[Dataset], keyword: str, group: str) -> Any:
    """An element of a functional group of the frame, of all frames, or of the file itself."""
    for place in places:
        for holder in (*list(place.get(group) or [])[:1], place):
            value = holder.get(keyword)
            if value is not None and value != "":
                return value
    return None


def _orders(places: Sequence[Dataset], number: float | None) -> dict[str, float]:
    found = {
        TRIGGER_TIME: _entry(places, "TriggerTime", ""),
        TRIGGER_DELAY: _entry(places, "NominalCardiacTriggerDelayTime", "CardiacSynchronizationSequence"),
        TEMPORAL_POSITION: _entry(places, "TemporalPositionIndex", "FrameContentSequence")
        or _entry(places, "TemporalPositionIdentifier", ""),
        NUMBER: number,
    }
    values = {key: _float(value) for key, value in found.items()}
    return {key: value for key, value in values.items() if value is not None}


def _acquired(places: Sequence[Dataset], header: Dataset) -> tuple[str, str, float, float]:
    moment = str(
        _entry(places, "FrameAcquisitionDateTime", "FrameContentSequence")
        or _entry(places, "AcquisitionDateTime", "")
        or ""
    )
    date, time = moment[:8], moment[8:]
    if not moment:
        date = _text(header, "AcquisitionDate") or _text(header, "SeriesDate")
        time = next(
            (
                found
                for key in ("AcquisitionTime", "SeriesTime", "ContentTime")
                if (found := _text(header, key))
            ),
            "",
        )
    numbers = (_number(header, "SeriesNumber") or 0.0, _number(header, "AcquisitionNumber") or 0.0)
    return date, time, *numbers


def _directions(value: Any) -> np.ndarray:
    found = _vector(value, 6, "direction").reshape(2, 3)
    lengths = np.linalg.norm(found, axis=1)
    if np.abs(lengths - 1).max() > _ROUNDING or abs(found[0] @ found[1]) > _ROUNDING:
        raise DamagedDicom("has directions that are not perpendicular unit vectors")
    return found / lengths[:, None]


def _vector(value: Any, size: int, what: str) -> np.ndarray:
    found = np.array([] if value is None else [float(entry) for entry in value])
    if found.shape != (size,) or not np.isfinite(found).all():
        raise DamagedDicom(f"has no {what} in the patient")
    return found


def _spacing(value: Any) -> tuple[float, float]:
    rows, columns = _vector(value, 2, "pixel spacing")
    if not (0 < rows < 100 and 0 < columns < 100):
        raise DamagedDicom("has a pixel spacing that is none")
    return float(rows), float(columns)


def _scale(places: Sequence[Dataset]) -> tuple[float, float]:
    group = "PixelValueTransformationSequence"
    slope, intercept = (_float(_entry(places, key, group)) for key in ("RescaleSlope", "RescaleIntercept"))
    if slope == 0:
        raise DamagedDicom("has a rescale slope of 0")
    return 1.0 if slope is None else slope, intercept or 0.0


def _number(place: Dataset, keyword: str) -> float | None:
    return _float(place.get(keyword))


def _float(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _positive(value: Any) -> float | None:
    found = _float(value)
    return found if found is not None and found > 0 else None


def _text(place: Dataset, keyword: str) -> str:
    value = place.get(keyword)
    return "" if value is None else str(value).strip()


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    entries = [value] if isinstance(value, str) else list(value)
    return [str(entry).strip().upper() for entry in entries]
