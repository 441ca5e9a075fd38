"""From DICOM files to one ordered short-axis cine."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from synthaug.data.findings import Finding, SubjectError
from synthaug.data.readers.base import RawCine
from synthaug.data.readers.dicom_files import DamagedDicom, NotDicom, Source, read_dataset, sources_below
from synthaug.data.readers.dicom_frames import TAGS, DicomFrame, frames_of
from synthaug.data.readers.dicom_identity import IDENTIFYING, Identity
from synthaug.data.readers.dicom_phases import order_phases
from synthaug.data.readers.dicom_pixels import CannotDecode, read_pixels
from synthaug.data.readers.dicom_slices import NoStack, choose_slices

#: Relative deviation of a distance between slices from the median that is worth saying.
_UNEVEN = 0.1
#: The same for what a header says of it.
_DISAGREES = 0.05
#: Files named in a finding.
_NAMED = 3


@dataclass(frozen=True)
class Place:
    """Where a subject's DICOM files lie, and what it is called.

    Attributes
    ----------
    subject : str
        Its id.
    folders : tuple of Path
        Folders and zip archives.
    shown : Path
        What is shown of it in findings and errors.
    """

    subject: str
    folders: tuple[Path, ...]
    shown: Path


@dataclass(frozen=True)
class Stack:
    """A cine and where its images come from.

    Attributes
    ----------
    cine : RawCine
        Without labels.
    sources : list of list of Source
        File by slice and phase.
    """

    cine: RawCine
    sources: list[list[Source]]


@dataclass
class _Folder:
    """What was read of a subject's files."""

    frames: list[DicomFrame] = field(default_factory=list)
    damaged: dict[Source, str] = field(default_factory=dict)
    ignored: list[Source] = field(default_factory=list)
    other_kinds: list[Source] = field(default_factory=list)
    identity: Identity = field(default_factory=Identity)
    sources: list[Source] = field(default_factory=list)

    def shown(self, source: Source) -> str:
        """Name of a file, or its number in the order of names where the name says who the patient is."""
        if self.identity.is_in(source.name):
            return f"file {self.sources.index(source) + 1} of {len(self.sources)}"
        return source.name

    def listed(self, sources: Sequence[Source]) -> str:
        """Names of some files."""
        names = ", ".join(map(self.shown, sources[:_NAMED]))
        return names if len(sources) <= _NAMED else f"{names} and {len(sources) - _NAMED} more"


def read_stack(
    place: Place, series: str | None = None, wanted: Callable[[Source], bool] | None = None
) -> Stack:
    """Read the short-axis cine among a subject's DICOM files.

    Parameters
    ----------
    place : Place
        Where they lie.
    series : str, optional
        Regular expression that the description of the series or its protocol must contain.
    wanted : callable, optional
        Which files are looked at; all by default.

    Returns
    -------
    Stack
        Slices ascend along the normal of the planes. The affine is in (right, anterior, superior), the distance of
        slices from their positions. Findings say what was left out, chosen or missing.

    Raises
    ------
    SubjectError
        There is no stack that can be read. Neither it nor a finding quotes a value of a file.
    """
    try:
        return _read(place, series, wanted)
    except (SubjectError, MemoryError):
        raise
    except NoStack as error:
        raise SubjectError(error.code, place.subject, place.shown, error.problem, error.remedy) from None
    except Exception as error:
        # Whatever else a damaged file leads to; the message might quote the file.
        problem = f"the DICOM files cannot be read ({type(error).__name__})"
        raise SubjectError(
            "dicom-unreadable", place.subject, place.shown, problem, "export them again"
        ) from None


def _read(place: Place, series: str | None, wanted: Callable[[Source], bool] | None) -> Stack:
    folder = _headers(place, wanted)
    frames = folder.frames
    if not frames:
        raise _no_image(place, folder)
    if len({frame.patient for frame in frames} - {""}) > 1:
        problem = "the images are of more than one patient"
        raise SubjectError(
            "dicom-patients-mixed", place.subject, place.shown, problem, "give each patient a folder"
        )
    if series is not None:
        frames = [frame for frame in frames if re.search(series, frame.description)]
        if not frames:
            problem = f"no series has a description with {series!r}"
            raise SubjectError(
                "dicom-series-missing", place.subject, place.shown, problem, "correct `series` of the dataset"
            )
    while True:
        slices = choose_slices(frames)
        phases = order_phases(slices.frames)
        pixels, failed = _decode(place, phases.frames)
        if not failed:
            break
        # A slice may have another acquisition, or enough frames without the damaged one.
        folder.damaged |= failed
        frames = [frame for frame in frames if frame.source not in failed]
        if not frames:
            raise _no_image(place, folder)
    levels = slices.levels_mm[phases.kept]
    findings = [*_file_findings(folder), *slices.findings, *phases.findings]
    distance = _distance(levels, phases.frames, findings)
    cine = _assemble(phases.frames, pixels, distance)
    cine.frame_duration_s = phases.frame_duration_s
    cine.findings = findings
    return Stack(cine, [[frame.source for frame in found] for found in phases.frames])


def _headers(place: Place, wanted: Callable[[Source], bool] | None) -> _Folder:
    folder = _Folder()
    for path in place.folders:
        try:
            folder.sources += [source for source in sources_below(path) if wanted is None or wanted(source)]
        except DamagedDicom as error:
            raise SubjectError(
                "file-corrupted", place.subject, place.shown, str(error), "copy it again from its source"
            ) from None
    for source in folder.sources:
        try:
            header = read_dataset(source.read(), (*TAGS, *IDENTIFYING))
            folder.identity.add(header)
            found = frames_of(source, header)
        except NotDicom:
            if source.name.upper() != "DICOMDIR":
                folder.ignored.append(source)
        except DamagedDicom as error:
            folder.damaged[source] = str(error)
        else:
            folder.frames += found
            if not found:
                folder.other_kinds.append(source)
    return folder


def _no_image(place: Place, folder: _Folder) -> SubjectError:
    problem = f"none of its {len(folder.sources)} files is a DICOM image that can be used"
    if folder.damaged:
        first = next(iter(folder.damaged))
        problem += f"; {folder.shown(first)} {folder.damaged[first]}"
    return SubjectError(
        "dicom-none", place.subject, place.shown, problem, "export the subject's images again"
    )


def _file_findings(folder: _Folder) -> list[Finding]:
    findings = []
    if folder.ignored:
        problem = f"{len(folder.ignored)} files are no DICOM images: {folder.listed(folder.ignored)}"
        findings.append(Finding("dicom-files-ignored", problem, "they are not read"))
    if folder.other_kinds:
        problem = f"{len(folder.other_kinds)} files hold colour pictures, phase images or maps: "
        problem += folder.listed(folder.other_kinds)
        findings.append(Finding("dicom-left-out", problem, "left out; the cine is of magnitude images"))
    for reason in dict.fromkeys(folder.damaged.values()):
        files = [source for source, found in folder.damaged.items() if found == reason]
        problem = f"{folder.listed(files)} {reason}"
        findings.append(Finding("dicom-file-damaged", problem, "left out; copy or export it again"))
    return findings


def _decode(
    place: Place, slices: Sequence[Sequence[DicomFrame]]
) -> tuple[dict[tuple[Source, int], np.ndarray], dict[Source, str]]:
    """Intensities by file and frame, and the files that cannot be decoded."""
    by_source: dict[Source, dict[int, DicomFrame]] = {}
    for frames in slices:
        for frame in frames:
            by_source.setdefault(frame.source, {})[frame.index] = frame
    pixels: dict[tuple[Source, int], np.ndarray] = {}
    failed: dict[Source, str] = {}
    for source, frames_by_index in by_source.items():
        try:
            found = read_pixels(list(frames_by_index.values()))
        except DamagedDicom as error:
            failed[source] = str(error)
        except CannotDecode as error:
            raise SubjectError(
                "dicom-compressed",
                place.subject,
                place.shown,
                f"its images are compressed ({error}), which is not read here",
                "decompress them, e.g. with `gdcmconv --raw` or `dcmdjpeg`",
            ) from None
        else:
            pixels |= {(source, index): array for index, array in zip(frames_by_index, found, strict=True)}
    return pixels, failed


def _distance(levels: np.ndarray, slices: Sequence[Sequence[DicomFrame]], findings: list[Finding]) -> float:
    """Distance of slices in mm from their positions; findings say where it is uneven or the header differs."""
    if len(levels) < 2:
        problem = f"there is no stack: the largest set of parallel cine slices has {len(levels)} positions"
        raise NoStack("dicom-no-stack", problem, "export the short-axis cine with all its slices")
    steps = np.diff(levels)
    distance = float(np.median(steps))
    whole = np.round(steps / distance)
    missing = (whole >= 2) & (np.abs(steps / distance - whole) < _UNEVEN * whole)
    if missing.any():
        count = int((whole[missing] - 1).sum())
        between = ", ".join(f"{place + 1} and {place + 2}" for place in np.flatnonzero(missing))
        problem = f"{count} slices are missing, between slices {between}"
        findings.append(Finding("dicom-slice-missing", problem, "volumes are too small; export all slices"))
    uneven = steps[~missing]
    if len(uneven) and np.abs(uneven / distance - 1).max() > _UNEVEN:
        problem = f"slices are {uneven.min():.1f} to {uneven.max():.1f} mm apart"
        findings.append(Finding("dicom-slices-uneven", problem, f"{distance:.1f} mm is used, the median"))
    first = slices[0][0]
    said = first.distance_mm
    if said is not None and abs(said / distance - 1) > _DISAGREES:
        problem = (
            f"the header says that slices are {said:.1f} mm apart, their positions are {distance:.1f} mm"
        )
        findings.append(Finding("dicom-distance-differs", problem, "the positions are used"))
    elif first.thickness_mm is not None and first.thickness_mm > (1 + _DISAGREES) * distance:
        problem = f"slices of {first.thickness_mm:.1f} mm lie {distance:.1f} mm apart, so that they overlap"
        findings.append(Finding("dicom-distance-differs", problem, "the positions are used"))
    corners = np.array([found[0].position for found in slices])
    across = (corners - corners[0]) @ first.directions.T  # mm along rows and columns
    if np.abs(across).max() > max(first.grid[2:]):
        problem = f"slices are shifted in their plane by up to {np.abs(across).max():.1f} mm"
        findings.append(Finding("dicom-slices-shifted", problem, "the shift is not corrected"))
    return distance


def _assemble(
    slices: Sequence[Sequence[DicomFrame]], pixels: dict[tuple[Source, int], np.ndarray], distance: float
) -> RawCine:
    first = slices[0][0]
    rows, columns, row_mm, column_mm = first.grid
    image = np.empty((columns, rows, len(slices), len(slices[0])), np.float32)
    for z, frames in enumerate(slices):
        for phase, frame in enumerate(frames):
            image[:, :, z, phase] = pixels[frame.source, frame.index].T  # (rows, columns) -> (x, y)
    affine = np.eye(4)
    affine[:3, 0] = first.directions[0] * column_mm
    affine[:3, 1] = first.directions[1] * row_mm
    affine[:3, 2] = first.normal * distance
    affine[:3, 3] = first.position
    affine[:2] *= -1  # DICOM's axes are left, posterior, superior
    return RawCine(image, affine, (column_mm, row_mm, distance), {})
