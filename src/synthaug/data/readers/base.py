"""Base class of dataset readers: subjects with metadata, and their cines on access."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import numpy as np
import pandas as pd

from synthaug.config.base import Settings
from synthaug.config.data import RawDatasetSettings
from synthaug.data.cohort import SUBJECT_ID
from synthaug.data.findings import Finding, SubjectError
from synthaug.data.nifti import NiftiImage, read_nifti
from synthaug.data.readers import metadata
from synthaug.data.voxel_size import settle_voxel_size
from synthaug.labels import LV, MYO, RV, UNLABELLED
from synthaug.views import SHORT_AXIS, View

#: Labels of M&Ms, M&Ms-2 and the canonical ones are the same numbers.
SAME_LABELS = {LV: LV, MYO: MYO, RV: RV}
#: How far a label may be from a whole number: the rounding of a scale factor.
_LABEL_ROUNDING = 0.05
#: Durations outside are a default or another unit, not the time between two frames of a cine.
_PLAUSIBLE_FRAME_S = (0.005, 0.2)


@dataclass
class RawCine:
    """One subject's images on the scanner's voxel grid.

    Attributes
    ----------
    image : ndarray, shape (x, y, z, t), float32
        Intensities in the file's own units.
    affine : ndarray, shape (4, 4)
        Voxel indices to patient space (right, anterior, superior); its directions choose
        the canonical orientation, its scale is not used.
    voxel_size_mm : tuple of 3 floats
        Along the axes of `image`.
    labels : dict of int to ndarray, shape (x, y, z), uint8
        Canonical labels of the annotated frames, counted from 0.
    frame_duration_s : float or None
        Time between frames.
    slices_base_first : bool or None
        The dataset's own order, where it has one that its headers do not tell; None: the header decides, and where that
        is no scanner's, the stored order is taken as from base to apex.
    findings : list of Finding
        What was repaired or is implausible.
    ed_frame, es_frame : int or None
        Counted from 0, if known from the images only; values of the table take precedence.
    told_sizes : dict of str to tuple of 3 floats
        Voxel sizes in mm by the place of the header that tells them, where there are several.
    oriented : bool
        Whether the affine is the header's; False where the header has none, and only the stored order is known.
    view : {"short_axis", "long_axis", "other"}
        A stack of short axes, one slice along the long axis, or another organ, of which nothing of a heart is judged.
    partly_drawn : bool
        Whether the expert drew some structures only: what is not drawn is unknown, not background. Volumes of the drawn
        structures are measured; the labels are neither trained nor tested on.
    """

    image: np.ndarray
    affine: np.ndarray
    voxel_size_mm: tuple[float, float, float]
    labels: dict[int, np.ndarray]
    frame_duration_s: float | None = None
    slices_base_first: bool | None = None
    findings: list[Finding] = field(default_factory=list)
    ed_frame: int | None = None
    es_frame: int | None = None
    told_sizes: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    oriented: bool = True
    view: View = SHORT_AXIS
    partly_drawn: bool = False


@dataclass(frozen=True)
class RawSubject:
    """One subject of a raw dataset; the metadata are read, the images are not.

    Attributes
    ----------
    id : str
        As the dataset has it.
    files : tuple of Path
        What `load` reads.
    load : callable
        Reads the images; raises `SubjectError` where they cannot be used. It crosses process
        pools, so it is a function of a module with its arguments (`functools.partial`).
    patient : str
        Who was scanned; several subjects are visits of one patient. The id where empty.
    ed_frame, es_frame : int or None
        Counted from 0.
    centre, vendor, scanner, field_strength_t, diagnosis, sequence, sex, age, height_cm, weight_kg
        As in the data contract; None where unknown.
    findings : tuple of Finding
        What was unusual in the metadata.
    """

    id: str
    files: tuple[Path, ...]
    load: Callable[[], RawCine]
    patient: str = ""
    ed_frame: int | None = None
    es_frame: int | None = None
    centre: str | None = None
    vendor: str | None = None
    scanner: str | None = None
    field_strength_t: float | None = None
    diagnosis: str | None = None
    sequence: str | None = None
    sex: str | None = None
    age: float | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    findings: tuple[Finding, ...] = ()


class Reader(ABC):
    """How the files of one layout become subjects.

    Parameters
    ----------
    settings : DatasetSettings
        The dataset's section of the study.

    Attributes
    ----------
    patterns : tuple of str
        Files that a study depends on, as patterns below the dataset's root: a change of one harmonises again.
    many_files : bool
        Whether a scan has hundreds of files, so that a study depends on the folders that hold them: adding and removing
        files harmonises again, an edit in place does not.
    Options : type
        What the `options` of a class from outside the package may say; by itself, nothing.
    """

    patterns: tuple[str, ...]
    many_files: ClassVar[bool] = False
    Options: ClassVar[type[Settings]] = Settings

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @property
    def names_patients(self) -> bool:
        """Whether names of folders and files may say who the patient is, so that they are not listed."""
        return False

    @abstractmethod
    def find(self, root: Path) -> list[RawSubject]:
        """Subjects below a folder, with their metadata; no image is read.

        A subject that is there but cannot be used is `unusable`.

        Raises
        ------
        SynthaugError
            Nothing can be read, e.g. without the dataset's table.
        """


def _refuse(error: SubjectError) -> NoReturn:
    raise error


def unusable(code: str, subject: str, file: Path, problem: str, remedy: str) -> RawSubject:
    """A subject that is there but cannot be read; it says why when it is loaded."""
    error = SubjectError(code, subject, file, problem, remedy)
    return RawSubject(subject, (file,) if file.is_file() else (), partial(_refuse, error))


def refusal_of(subject: RawSubject) -> SubjectError | None:
    """Why a subject is `unusable`; None for one that can be read."""
    load = subject.load
    if isinstance(load, partial) and load.func is _refuse:
        error: SubjectError = load.args[0]
        return error
    return None


def refused_id(subject: str) -> bool:
    """True for an id that is not allowed: ids become file names and page content."""
    return SUBJECT_ID.fullmatch(subject) is None


#: Problem and remedy of such an id.
REFUSED_ID = (
    "the id is not allowed",
    "use 1 to 64 letters, digits or hyphens, starting with a letter or digit",
)


def twice(subject: str, places: Sequence[Path]) -> RawSubject:
    """A subject that is there at several places, so that nothing says which is meant."""
    problem = f"the same id is also in {places[1]}"
    return unusable("id-twice", subject, places[0], problem, "remove or rename one of them")


def rows_by_id(
    table: pd.DataFrame, column: str, file: Path, session: str | None = None
) -> tuple[dict[str, dict[str, str]], list[RawSubject]]:
    """Rows of a dataset's table by id.

    Parameters
    ----------
    table : DataFrame
        Text, unknown entries empty.
    column : str
        Its column with ids.
    file : Path
        The table's file, for the errors.
    session : str, optional
        Its column with the session; the key is then ``<id>\\0<session>`` where a row has one.

    Returns
    -------
    dict of str to dict
        Entry by column of rows that stand alone or are the same throughout.
    list of RawSubject
        An `unusable` for each id that stands in rows which differ, and for each row whose id is missing or refused.
    """
    rows: dict[str, dict[str, str]] = {}
    refused: dict[str, RawSubject] = {}
    for number, record in enumerate(table.to_dict("records"), start=1):
        row = {str(name): str(entry) for name, entry in record.items()}
        name = re.sub(r"^(\d+)\.0+$", r"\1", row[column])  # as spreadsheets write whole numbers
        row[column] = name = name.removeprefix("sub-")
        if not name:
            refused[f"row-{number}"] = unusable(
                "id-missing",
                f"row-{number}",
                file,
                f"row {number} has no {column}",
                "give the id, or remove the row",
            )
            continue
        visit = row[session].removeprefix("ses-") if session else ""
        row |= {session: visit} if session else {}
        key = f"{name}\0{visit}" if visit else name
        if refused_id(name) or refused_id(visit or "x"):
            refused[key] = unusable("id-refused", name, file, *REFUSED_ID)
        elif key in rows and row != rows[key]:
            problem = f"{name} stands in rows of {file.name} which differ"
            remedy = "keep one row, or name the visits in a column session_id"
            refused[key] = unusable("row-twice", name, file, problem, remedy)
        else:
            rows[key] = row
    return {key: row for key, row in rows.items() if key not in refused}, list(refused.values())


def with_patients(subjects: Sequence[RawSubject], names: Sequence[str]) -> list[RawSubject]:
    """The same subjects, their patients called as folders are: a table's ``sub-b`` is b, and its 7 may be the folder 007.

    Parameters
    ----------
    subjects : sequence of RawSubject
        With the patient as the table says it; empty where it does not.
    names : sequence of str
        Folders of subjects, without ``sub-``.
    """
    told = [subject.patient.removeprefix("sub-") for subject in subjects]
    return [
        replace(subject, patient=metadata.match_id(patient, names) or patient)
        for subject, patient in zip(subjects, told, strict=True)
    ]


def read_cine(path: Path, subject: str, single_frame: bool = False) -> RawCine:
    """Read a 4D cine, without labels and with the geometry its header has.

    Parameters
    ----------
    path, subject : Path, str
        The file, and whose it is.
    single_frame : bool
        Whether an image of one frame is taken, too: as a cine of one frame.

    Raises
    ------
    SubjectError
        The file cannot be read, or holds a single frame.
    """
    read = read_nifti(path, subject)
    array = read.array[..., None] if single_frame and read.array.ndim == 3 else read.array
    if array.ndim != 4:
        raise SubjectError(
            "one-frame", subject, path, "holds one frame, not a cine", "give the cine with all its frames"
        )
    if np.ptp(array) == 0:
        problem = f"the cine is constant: every voxel is {array.flat[0]:g}"
        raise SubjectError("image-constant", subject, path, problem, "export the cine again")
    told = {"pixdim": read.voxel_size_mm}
    if read.sform_size_mm is not None:
        told["sform"] = read.sform_size_mm
    cine = RawCine(array, read.affine, read.voxel_size_mm, {}, _frame_duration(read))
    cine.told_sizes, cine.oriented = told, read.oriented
    if not read.oriented:
        problem = "the header says no orientation (sform and qform codes are 0)"
        cine.findings.append(Finding("orientation-unknown", problem, "taken as stored for display"))
    if not read.forms_agree:
        problem = "sform and qform of the header point in different directions"
        cine.findings.append(Finding("orientation-disagrees", problem, "the sform is taken"))
    return cine


def _frame_duration(image: NiftiImage) -> float | None:
    low, high = _PLAUSIBLE_FRAME_S
    for seconds in (image.frame_duration_s, image.frame_duration_s / 1000):  # some write milliseconds as s
        if low <= seconds <= high:
            return seconds
    return None


def settle_size(
    cine: RawCine, path: Path, subject: str, others: Mapping[Path, NiftiImage], settings: RawDatasetSettings
) -> None:
    """Choose the cine's voxel size where its header does not settle it (`settle_voxel_size`).

    Parameters
    ----------
    cine : RawCine
        Changed in place.
    path, subject : Path, str
        The cine's file and whose it is, for the error.
    others : mapping of Path to NiftiImage
        Other images of the subject in the order of the cine's axes (`label_grid`); those of the cine's shape count.
    settings : RawDatasetSettings
        With the declared spacing, if any.

    Raises
    ------
    SubjectError
        Nothing settles it.
    """
    declared = None if settings.spacing_mm is None else settings.spacing_mm[::-1]
    elsewhere = {
        file.name: other.voxel_size_mm
        for file, other in others.items()
        if other.array.shape[:3] == cine.image.shape[:3]
    }
    told = cine.told_sizes or {"header": cine.voxel_size_mm}
    cine.voxel_size_mm, found = settle_voxel_size(
        told, elsewhere, declared, cine.image.shape[2], subject, path, cine.view
    )
    cine.findings += found


def canonical_labels(
    volume: np.ndarray, label_map: Mapping[int, int], path: Path, subject: str, shape: Sequence[int]
) -> np.ndarray:
    """Translate a file's labels to the canonical ones.

    Parameters
    ----------
    volume : ndarray, shape (x, y, z)
        Labels as the file has them.
    label_map : mapping of int to int
        Canonical label of each label; 0 is background in both.
    path, subject : Path, str
        For the error.
    shape : sequence of int
        Spatial shape of the cine.

    Raises
    ------
    SubjectError
        Another shape than the cine's, or a label the dataset does not have.
    """
    if tuple(volume.shape) != tuple(shape):
        problem = f"labels have shape {tuple(volume.shape)}, the cine has {tuple(shape)}"
        raise SubjectError("labels-shape", subject, path, problem, "give labels on the cine's own grid")
    whole = np.rint(volume)
    if float(np.abs(volume - whole).max(initial=0)) <= _LABEL_ROUNDING:
        volume = whole
    labels = np.zeros(volume.shape, np.uint8)
    for value in np.unique(volume):
        if value == 0:
            continue
        if value not in label_map:
            problem = f"holds label {value:g}, known are 0, {', '.join(map(str, sorted(label_map)))}"
            remedy = f"map it in the study's label_map (layout nifti), e.g. `{value:g}: background`, or correct the labels"
            raise SubjectError("labels-value", subject, path, problem, remedy)
        labels[volume == value] = label_map[int(value)]
    return labels


def add_label_cine(
    cine: RawCine, volume: np.ndarray, label_map: Mapping[int, int], path: Path, subject: str
) -> None:
    """Give a cine the labels of the annotated frames of a 4D label file.

    Frames that are all 0 or all `UNLABELLED` have no annotation; a file without any is a finding of the cine.
    Parameters and errors as in `canonical_labels` and `add_labels`; `volume` is 4D.
    """
    shape = cine.image.shape
    if volume.ndim == 3 and volume.shape == tuple(shape[:3]) and shape[3] > 1:
        problem = f"labels of one frame, and the name does not say which of {shape[3]} it is"
        remedy = "name the frame, counted from 0: sub-<id>_frame-05_labels.nii.gz"
        raise SubjectError("labels-frame-unknown", subject, path, problem, remedy)
    if tuple(volume.shape) != tuple(shape):
        problem = f"labels have shape {tuple(volume.shape)}, the cine has {tuple(shape)}"
        raise SubjectError("labels-shape", subject, path, problem, "give labels on the cine's own grid")
    annotated = [
        frame
        for frame in range(shape[3])
        if volume[..., frame].any() and not (volume[..., frame] == UNLABELLED).all()
    ]
    if not annotated:
        problem = f"{path.name} labels nothing in any frame"
        cine.findings.append(Finding("labels-empty", problem, "its labels are unknown"))
    for frame in annotated:
        labels = canonical_labels(volume[..., frame], label_map, path, subject, shape[:3])
        add_labels(cine, frame, labels, path, subject)


def add_labels(cine: RawCine, frame: int, volume: np.ndarray, path: Path, subject: str) -> None:
    """Give a cine the labels of one frame, read from a file; one that labels nothing is a finding of the cine.

    Parameters
    ----------
    cine : RawCine
        Gains them.
    frame : int
        Counted from 0.
    volume : ndarray, shape (x, y, z)
        Canonical labels.
    path, subject : Path, str
        For the error.

    Raises
    ------
    SubjectError
        The cine has no such frame, or another file labels it otherwise.
    """
    n_frames = cine.image.shape[3]
    if not 0 <= frame < n_frames:
        problem = f"labels frame {frame + 1} of a cine with {n_frames} frames"
        remedy = "correct the number of the frame in the file's name"
        raise SubjectError("frame-missing", subject, path, problem, remedy)
    if not volume.any():
        problem = f"{path.name} labels nothing in frame {frame + 1}"
        cine.findings.append(Finding("labels-empty", problem, "its labels are unknown"))
        return
    if frame in cine.labels and not np.array_equal(cine.labels[frame], volume):
        problem = f"frame {frame + 1} has other labels in another file"
        raise SubjectError("labels-twice", subject, path, problem, "keep one of the two files")
    cine.labels[frame] = volume


def check_frames(subject: str, file: str | Path, n_frames: int, ed: int | None, es: int | None) -> None:
    """Refuse frames (counted from 0) that a cine of `n_frames` does not have, or ED at ES.

    Raises
    ------
    SubjectError
        Naming `file`, where the frames are written.
    """
    for name, frame in (("ED", ed), ("ES", es)):
        if frame is not None and not 0 <= frame < n_frames:
            problem = f"the {name} frame is number {frame + 1} of a cine with {n_frames} frames"
            raise SubjectError("frame-missing", subject, file, problem, f"correct the {name} frame")
    if ed is not None and ed == es:
        raise SubjectError(
            "frames-equal", subject, file, "ED and ES are the same frame", "correct one of them"
        )
