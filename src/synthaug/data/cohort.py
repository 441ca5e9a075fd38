"""Cohorts: a cohort is a folder of harmonised cines, real or synthetic.

Requests are a cohort without cines: the subjects requested of a generator.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from synthaug.config.conditions import REQUESTED
from synthaug.core.artifacts import read_json, read_tsv, sha256_file, write_json, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.native_grid import NativeReference, read_native
from synthaug.data.nifti import write_nifti
from synthaug.data.stored_nifti import read_shape, read_stored_header, read_voxels
from synthaug.labels import BACKGROUND, FUNCTION_COLUMNS, PLACEMENT_COLUMNS, STRUCTURES, UNLABELLED
from synthaug.views import SHORT_AXIS, View, has_volumes

SUBJECT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")

TEXT_COLUMNS = (
    "subject",
    "dataset",
    "centre",
    "vendor",
    "scanner",
    "diagnosis",
    "sequence",
    "sex",
    "labelled_frames",
    "spacing",
    "generator",
    "request",
    "sentence",
    "report",
    "seen",
)
#: What a request says of a heart; empty is left open. It may have more: a sentence, phenotypes.
REQUEST_COLUMNS = REQUESTED
#: Columns of `subjects.tsv`; a cohort may have more and, unless it is a request, never fewer.
COLUMNS = (
    "subject",
    "dataset",
    "centre",
    "vendor",
    "scanner",
    "field_strength_t",
    "diagnosis",
    "sex",
    "age",
    "height_cm",
    "weight_kg",
    "ed_frame",
    "es_frame",
    "labelled_frames",
    "n_frames",
    "n_slices",
    "spacing",
    "lv_edv_ml",
    "lv_esv_ml",
    "lv_ef",
    "myo_mass_g",
    "rv_edv_ml",
    "rv_esv_ml",
    "rv_ef",
    "generator",
    "request",
    "seed",
)
#: Keys of every ``cohort.json``, as `write_cohort` writes them.
_KEYS = ("name", "kind", "spacing_mm", "labels", "table_sha256")
#: File of the masks that a synthetic subject was made for, and of the cine that a request hands over.
REQUESTED_LABELS, GUIDE = "requested_labels.nii.gz", "guide.nii.gz"
_INTENSITY_STEPS = 32767  # int16 on disk: [0, 1] in steps of 3e-5


def check_subject_id(subject: str, where: str | Path) -> str:
    """Return `subject` unchanged, or refuse an id that is unsafe in paths and pages."""
    if not SUBJECT_ID.fullmatch(subject):
        raise SynthaugError(
            f"{where}: subject id {subject!r} is not allowed; "
            "use 1 to 64 letters, digits or hyphens, starting with a letter or digit"
        )
    return subject


@dataclass(frozen=True)
class Cohort:
    """A readable cohort, or the union of several.

    Attributes
    ----------
    name : str
        What the cohort is called in tables and pictures.
    kind : str
        ``"real"``, ``"synthetic"``, or ``"request"``, which has no cines.
    table : DataFrame
        One row a subject, indexed by subject, with at least `COLUMNS`; of a request, ``subject`` and what is
        requested.
    folders : dict of str to Path
        Folder of each subject.
    meta : dict
        Content of ``cohort.json`` (of the first cohort, for a union).
    phenotypes : DataFrame or None
        Phenotypes of the subjects (`synthaug.measures.phenotypes.tabulate_phenotypes`), indexed by subject; None where
        none were given. NaN is unknown.
    """

    name: str
    kind: str
    table: pd.DataFrame
    folders: Mapping[str, Path]
    meta: Mapping[str, Any]
    phenotypes: pd.DataFrame | None = None

    @classmethod
    def open(cls, path: str | Path) -> Cohort:
        """Open a cohort folder; images are read on access.

        Raises
        ------
        SynthaugError
            The folder is not a cohort, its table is not the recorded one, an id is refused or doubled, or a file is
            missing.
        """
        path = Path(path)
        for needed in ("cohort.json", "subjects.tsv"):
            if not (path / needed).is_file():
                raise SynthaugError(f"{path}: no {needed}; give the folder of a harmonised cohort")
        meta = read_json(path / "cohort.json")
        recorded = meta.get("table_sha256")
        if recorded and recorded != sha256_file(path / "subjects.tsv"):
            raise SynthaugError(
                f"{path / 'subjects.tsv'}: not the table that cohort.json records (table_sha256); restore it or, if it "
                "was edited on purpose, remove that entry"
            )
        table = read_tsv(path / "subjects.tsv", TEXT_COLUMNS)
        required = ("subject",) if meta["kind"] == "request" else COLUMNS
        missing = [column for column in required if column not in table.columns]
        if missing:
            raise SynthaugError(
                f"{path / 'subjects.tsv'}: no column {missing[0]}; harmonise the cohort again"
            )
        folders: dict[str, Path] = {}
        for subject in table["subject"]:
            check_subject_id(subject, path / "subjects.tsv")
            if subject in folders:
                raise SynthaugError(f"{path / 'subjects.tsv'}: subject {subject} appears twice; rename one")
            folders[subject] = path / f"sub-{subject}"
            if meta["kind"] != "request" and not (folders[subject] / "cine.nii.gz").is_file():
                raise SynthaugError(f"{folders[subject]}: no cine.nii.gz; harmonise the cohort again")
        return cls(meta["name"], meta["kind"], table.set_index("subject", drop=False), folders, meta)

    @classmethod
    def open_all(cls, paths: Iterable[str | Path]) -> Cohort:
        """Open several cohorts, or pieces of one, as one; ids must differ and the grids be the same."""
        cohorts = [cls.open(path) for path in paths]
        if not cohorts:
            raise SynthaugError("no cohort was given; name at least one folder")
        folders: dict[str, Path] = {}
        for cohort in cohorts:
            if cohort.meta["spacing_mm"] != cohorts[0].meta["spacing_mm"]:
                raise SynthaugError(
                    f"{cohort.name}: spacing differs from {cohorts[0].name}; harmonise both to one grid"
                )
            if cohort.view != cohorts[0].view:
                raise SynthaugError(
                    f"{cohort.name}: {cohort.view} cines, {cohorts[0].name} has {cohorts[0].view} ones; use cohorts of one view"
                )
            for subject, folder in cohort.folders.items():
                if subject in folders:
                    raise SynthaugError(
                        f"{folder}: subject {subject} is also in {folders[subject]}; rename one"
                    )
                folders[subject] = folder
        # The columns of an empty table have types of their own.
        table = pd.concat([cohort.table for cohort in cohorts if cohort.subjects] or [cohorts[0].table])
        name = "+".join(dict.fromkeys(cohort.name for cohort in cohorts))
        return cls(name, cohorts[0].kind, table, folders, cohorts[0].meta)

    def with_phenotypes(self, tables: Iterable[str | Path], without: Collection[str] = ()) -> Cohort:
        """The cohort with the phenotypes of its subjects.

        Parameters
        ----------
        tables : iterable of path
            TSV tables of the rules `measure_phenotypes` and `measure_synthetic_phenotypes`, each subject in one of them.
            A phenotype that one table lacks is unknown of its subjects. Without a table the cohort stays as it is.
        without : collection of str
            Phenotypes to leave out.

        Raises
        ------
        SynthaugError
            A subject is in no table, or in two.
        """
        paths = list(tables)
        if not paths:
            return self
        texts = ("subject", "patient", "missing")
        phenotypes = pd.concat([read_tsv(path, texts) for path in paths], ignore_index=True)
        phenotypes = phenotypes.set_index("subject")
        where = ", ".join(map(str, paths))
        twice = phenotypes.index[phenotypes.index.duplicated()]
        if len(twice):
            raise SynthaugError(f"{where}: subject {twice[0]} has phenotypes in two rows; measure them again")
        absent = [subject for subject in self.subjects if subject not in phenotypes.index]
        if absent:
            raise SynthaugError(f"{where}: no phenotypes of subject {absent[0]}; measure them again")
        kept = phenotypes.drop(columns=list(without), errors="ignore")
        return replace(self, phenotypes=kept.loc[self.subjects])

    @property
    def subjects(self) -> list[str]:
        """Subject ids in the order of the table."""
        return list(self.table.index)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size (z, y, x) in mm, the same for all subjects."""
        z, y, x = self.meta["spacing_mm"]
        return z, y, x

    @property
    def view(self) -> View:
        """What the cines show; a cohort that does not say is of short axes."""
        view: View = self.meta.get("view", SHORT_AXIS)
        return view

    @property
    def has_volumes(self) -> bool:
        """Whether volumes, masses and walls can be measured on the labels; `synthaug.views.has_volumes`."""
        return has_volumes(self.view)

    @property
    def identity(self) -> dict[str, Any]:
        """What ``cohort.json`` says beyond what it says of every cohort: the `meta` of `write_cohort`."""
        return {key: value for key, value in self.meta.items() if key not in _KEYS}

    def select(self, subjects: Sequence[str]) -> Cohort:
        """The cohort of these subjects only, in this order."""
        absent = [subject for subject in subjects if subject not in self.folders]
        if absent:
            raise SynthaugError(f"{self.name}: no subject {absent[0]}; see its subjects.tsv")
        folders = {subject: self.folders[subject] for subject in subjects}
        phenotypes = None if self.phenotypes is None else self.phenotypes.loc[list(subjects)]
        return replace(self, table=self.table.loc[list(subjects)], folders=folders, phenotypes=phenotypes)

    def record(self, subject: str) -> dict[str, Any]:
        """What the table says of a subject, by column; unknown is NaN, None or NA."""
        place = self.table.index.get_loc(subject)
        # A row taken as a table of its own takes three times as long, for every subject of a cohort.
        values = {column: values.array[place] for column, values in self.table.items()}
        return {
            str(column): value.item() if isinstance(value, np.generic) else value
            for column, value in values.items()
        }

    def without_labels(self, subjects: Collection[str]) -> Cohort:
        """The same subjects, where `subjects` have neither labels nor what was measured on labels."""
        table = self.table.copy()
        seen = ~table.index.isin(list(subjects))
        measured = ("labelled_frames", *FUNCTION_COLUMNS, *PLACEMENT_COLUMNS)
        for column in table.columns.intersection(list(measured)):
            table[column] = table[column].where(seen)
        return Cohort(self.name, self.kind, table, self.folders, self.meta)

    def with_patients(self, patients: Mapping[str, str]) -> Cohort:
        """The same subjects, where `patients` says whose they are."""
        patient = pd.Series([patients.get(subject, subject) for subject in self.subjects], self.table.index)
        return Cohort(self.name, self.kind, self.table.assign(patient=patient), self.folders, self.meta)

    def cine(self, subject: str) -> np.ndarray:
        """Intensities in [0, 1], float32, shape (t, z, y, x); frame 0 is ED."""
        return read_voxels(self.folders[subject] / "cine.nii.gz", np.float32)

    def frame_duration_s(self, subject: str) -> float | None:
        """Time from one frame to the next in seconds, from the header of the cine; None where unknown."""
        return _duration_of(self.folders[subject] / "cine.nii.gz")

    def label_frame_duration_s(self, subject: str) -> float | None:
        """The same from the header of the labels, all that a request has; None without labels too."""
        path = self.folders[subject] / "labels.nii.gz"
        return _duration_of(path) if path.is_file() else None

    def label_cine(self, subject: str) -> np.ndarray:
        """Labels, uint8, shape (t, z, y, x); `UNLABELLED` in frames without annotation.

        Raises
        ------
        SynthaugError
            A request has no masks.
        """
        path = self.folders[subject] / "labels.nii.gz"
        listed = self.labelled_frames(subject)
        if self.kind == "request" and not listed:
            raise SynthaugError(
                f"{self.name}: {subject}: no masks are requested; use requests with labels.nii.gz and labelled_frames"
            )
        if not listed or not path.is_file():
            shape = read_shape(self.folders[subject] / "cine.nii.gz")
            assert not listed, f"{path} is missing but {listed} are listed"
            return np.full(shape, UNLABELLED, np.uint8)
        return read_voxels(path, np.uint8)

    def guide(self, subject: str) -> np.ndarray | None:
        """The cine that a request hands over beside its masks, as `cine` gives it; None where there is none."""
        path = self.folders[subject] / GUIDE
        if self.kind != "request" or not path.is_file():
            return None
        return read_voxels(path, np.float32)

    def requested_label_cine(self, subject: str) -> np.ndarray | None:
        """The masks that a synthetic subject was made for, uint8, (t, z, y, x), `UNLABELLED` where none; None without."""
        path = self.folders[subject] / REQUESTED_LABELS
        if not path.is_file():
            return None
        return read_voxels(path, np.uint8)

    def native(self, subject: str) -> NativeReference | None:
        """The subject's own voxel grid and its labels there; None where this grid is its own, as of synthetic subjects."""
        return read_native(self.folders[subject])

    def labelled_frames(self, subject: str) -> list[int]:
        """Frames that carry labels, ascending."""
        if "labelled_frames" not in self.table:
            return []
        listed: Any = self.table.loc[subject, "labelled_frames"]
        return [] if pd.isna(listed) else [int(frame) for frame in str(listed).split(",")]


def _duration_of(path: Path) -> float | None:
    duration = float(read_stored_header(path)["pixdim"][4])
    return duration if 0 < duration < float("inf") else None


def write_subject(
    folder: str | Path,
    cine: np.ndarray,
    labels: Mapping[int, np.ndarray],
    spacing_mm: Sequence[float],
    frame_duration_s: float | None = None,
) -> dict[str, str]:
    """Write one subject's ``cine.nii.gz`` and, where there are labels, ``labels.nii.gz``.

    Parameters
    ----------
    folder : path
        The subject's folder, ``sub-<id>`` in the cohort's folder.
    cine : ndarray, shape (t, z, y, x)
        Intensities in [0, 1].
    labels : mapping of int to ndarray, shape (z, y, x)
        Canonical labels of the annotated frames.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    frame_duration_s : float, optional
        Time between frames; None where unknown.

    Returns
    -------
    dict of str to str
        SHA-256 of each file written.
    """
    folder = Path(folder)
    if cine.ndim != 4 or not np.isfinite(cine).all() or cine.min() < 0 or cine.max() > 1:
        raise SynthaugError(
            f"{folder}: a cine must be finite, in [0, 1] and (t, z, y, x); it is {cine.shape}"
        )
    affine = np.diag([spacing_mm[2], spacing_mm[1], spacing_mm[0], 1.0])
    image = nib.Nifti1Image(np.round(cine.T * _INTENSITY_STEPS).astype(np.int16), affine)
    image.header.set_slope_inter(1 / _INTENSITY_STEPS, 0)
    _save(image, folder / "cine.nii.gz", frame_duration_s)
    hashes = {"cine": sha256_file(folder / "cine.nii.gz")}
    if labels:
        hashes["labels"] = write_labels(folder, labels, len(cine), spacing_mm, frame_duration_s)
    return hashes


def write_labels(
    folder: str | Path,
    labels: Mapping[int, np.ndarray],
    n_frames: int,
    spacing_mm: Sequence[float],
    frame_duration_s: float | None = None,
) -> str:
    """Write a subject's ``labels.nii.gz``; all that a request for masks has.

    Parameters
    ----------
    folder : path
        The subject's folder.
    labels : mapping of int to ndarray, shape (z, y, x)
        Canonical labels of the annotated frames, at least one.
    n_frames : int
        Frames of the cine.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    frame_duration_s : float, optional
        Time between frames; None where unknown.

    Returns
    -------
    str
        SHA-256 of the file.
    """
    file = Path(folder) / "labels.nii.gz"
    volume = np.full((n_frames, *next(iter(labels.values())).shape), UNLABELLED, np.uint8)
    for frame, mask in labels.items():
        volume[frame] = mask
    affine = np.diag([spacing_mm[2], spacing_mm[1], spacing_mm[0], 1.0])
    _save(nib.Nifti1Image(volume.T, affine), file, frame_duration_s)
    return sha256_file(file)


def _save(image: nib.Nifti1Image, path: Path, frame_duration_s: float | None) -> None:
    image.header.set_xyzt_units("mm", "sec")
    image.header["pixdim"][4] = frame_duration_s or 0.0
    write_nifti(image, path)


def write_cohort(
    folder: str | Path,
    name: str,
    kind: str,
    rows: Sequence[Mapping[str, Any]],
    spacing_mm: Sequence[float],
    view: View = SHORT_AXIS,
    **meta: Any,
) -> None:
    """Write a cohort's table and ``cohort.json``; the subjects' files stand already.

    This is the one door to a cohort's table: of a view without volumes the columns of function stay empty, whoever
    measured them.

    Parameters
    ----------
    folder : path
        Folder that holds the ``sub-<id>`` folders.
    name, kind : str
        Name of the cohort; ``"real"``, ``"synthetic"`` or ``"request"``.
    rows : sequence of mappings
        One a subject; absent columns are unknown (empty).
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    view : {"short_axis", "long_axis", "other"}
        What the cines show.
    **meta
        What else identifies the cohort: generator, source, hashes.
    """
    folder = Path(folder)
    table = pd.DataFrame(list(rows))
    extra = [column for column in table.columns if column not in COLUMNS]
    if kind != "request":
        table = table.reindex(columns=[*COLUMNS, *extra])
    if not has_volumes(view):
        for column in table.columns.intersection(list(FUNCTION_COLUMNS)):
            table[column] = float("nan")
    for subject in table["subject"]:
        check_subject_id(subject, folder)
    write_tsv(folder / "subjects.tsv", table, checksum=False)  # cohort.json has it
    content = {
        "name": name,
        "kind": kind,
        "spacing_mm": [float(value) for value in spacing_mm],
        "view": view,
        "labels": {"background": BACKGROUND, **STRUCTURES, "unlabelled": UNLABELLED},
        "table_sha256": sha256_file(folder / "subjects.tsv"),
        **meta,
    }
    write_json(folder / "cohort.json", content, checksum=True)
