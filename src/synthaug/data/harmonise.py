"""From raw cines to a cohort: one orientation, one voxel grid around the heart, ED first, and the way back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.config.data import DatasetSettings, HarmonisationSettings
from synthaug.core.artifacts import atomic_folder, write_tsv
from synthaug.core.errors import PassingError, SynthaugError
from synthaug.core.plugins import code_hashes
from synthaug.core.registry import module_of
from synthaug.data.bias_field import bias_field
from synthaug.data.cohort import SUBJECT_ID, write_cohort, write_subject
from synthaug.data.findings import Finding, SubjectError
from synthaug.data.heart_localisation import centre_of_motion
from synthaug.data.heart_window import HeartWindow, heart_window
from synthaug.data.image_quality import COLUMNS as QUALITY_COLUMNS
from synthaug.data.image_quality import TABLE as QUALITY
from synthaug.data.image_quality import measure_quality
from synthaug.data.in_processes import in_processes
from synthaug.data.intensities import percentiles_of, standardise
from synthaug.data.label_placement import LabelPlacement, place_labels
from synthaug.data.load_subject import load_subject
from synthaug.data.native_grid import NativeGrid, NativeReference, write_native
from synthaug.data.orientation import OrientedCine, orient_cine
from synthaug.data.quality import contrast_findings
from synthaug.data.readers import find_subjects, ignored_files
from synthaug.data.readers.base import RawSubject
from synthaug.data.readers.folders import Ignored
from synthaug.data.readers.reported_volumes import ReportedSubject
from synthaug.data.resampling import (
    beat_positions,
    beat_weights,
    frames_sampled_exactly,
    resample_cine,
    resample_labels,
)
from synthaug.data.slice_alignment import align_slices
from synthaug.labels import PLACEMENT_COLUMNS, STRUCTURES
from synthaug.metrics.volumes import cut_structures, function_from_volumes
from synthaug.views import View

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HarmonisedCine:
    """A cine on the common voxel grid, intensities in [0, 1].

    Attributes
    ----------
    cine, labels, es_frame, findings
        As in `OrientedCine`.
    native : NativeReference
        The way back, and the labels as they were annotated.
    function : dict of str to float
        Volumes, ejection fractions and mass of `FUNCTION_COLUMNS`, of the native labels in the region that the common grid
        covers: resampling has no part in them. NaN of structures that the image itself cuts.
    placement : LabelPlacement or None
        How well the window holds the labels, where there are some.
    slice_shift_mm : float or None
        Root mean square of the slices' displacements in the plane; see `synthaug.data.slice_alignment`.
    centre : tuple of 2 floats
        Centre (y, x) of the window in native pixels.
    """

    cine: np.ndarray
    labels: dict[int, np.ndarray]
    es_frame: int | None
    findings: list[Finding]
    native: NativeReference
    function: dict[str, float]
    placement: LabelPlacement | None
    slice_shift_mm: float | None
    centre: tuple[float, float]


def harmonise_cine(oriented: OrientedCine, settings: HarmonisationSettings) -> HarmonisedCine:
    """Crop around the heart, resample to the common voxel grid and beat, normalise intensities.

    Parameters
    ----------
    oriented : OrientedCine
        From `orient_cine`.
    settings : HarmonisationSettings
        The common voxel grid.

    Returns
    -------
    HarmonisedCine

    Raises
    ------
    ValueError
        The cine is constant where the heart is.
    """
    centre = centre_of_motion(oriented.cine, oriented.spacing_mm, oriented.view)
    aligned, alignment = align_slices(oriented, centre, settings.slice_alignment)
    window = heart_window(
        aligned.cine,
        aligned.spacing_mm,
        settings.spacing_mm,
        settings.matrix,
        centre,
        settings.interpolation,
    )
    positions, es_frame = beat_positions(len(aligned.cine), settings.frames, aligned.es_frame)
    in_time = beat_weights(len(aligned.cine), positions, settings.frame_interpolation)
    aligned_labels = frames_sampled_exactly(aligned.labels, positions)
    dropped = []
    if (lost := len(oriented.labels) - len(aligned_labels)) > 0:
        problem = f"labels of {lost} of {len(oriented.labels)} frames lie between the {settings.frames} frames of the study"
        remedy = f"they are not used; harmonisation.frames: {len(oriented.cine)} keeps all of this subject"
        dropped.append(Finding("labels-dropped", problem, remedy))
    labels = {
        frame: resample_labels(volume, window.label_weights) for frame, volume in aligned_labels.items()
    }
    cine = resample_cine(aligned.cine, in_time, window.weights)
    if settings.bias_field == "n4":
        cine /= bias_field(cine, window.inside, settings.spacing_mm)
    landmarks = settings.landmarks if settings.intensities == "histogram" else None
    cine = normalise(cine, window, settings.percentiles, landmarks)
    _, n_slices, n_rows, n_columns = oriented.cine.shape
    grid = NativeGrid(
        (n_slices, n_rows, n_columns),
        oriented.spacing_mm,
        window.origin,
        window.step,
        oriented.turned,
        alignment.moved,
    )
    matrix = (cine.shape[1], cine.shape[2], cine.shape[3])
    native_labels = frames_sampled_exactly(oriented.labels, positions)
    volumes = {
        # Half a heart at the edge of the field of view is no small one (finding `labels-at-edge`).
        frame: grid.volumes_within(volume, matrix)
        | dict.fromkeys(cut_structures(native_labels[frame]), float("nan"))
        for frame, volume in aligned_labels.items()
    }
    unknown = dict.fromkeys(STRUCTURES, float("nan"))
    at_es = unknown if es_frame is None else volumes.get(es_frame, unknown)
    # What the expert did not draw at ES is unknown (finding `structure-missing`), not a cavity of 0 mL.
    function = function_from_volumes(
        volumes.get(0, unknown), {name: volume or float("nan") for name, volume in at_es.items()}
    )
    placement = place_labels(aligned_labels, grid, matrix)
    findings = [
        *oriented.findings,
        *alignment.findings,
        *dropped,
        *window.findings,
        *(placement.findings if placement else []),
        *contrast_findings(cine, labels),
    ]
    native = NativeReference(grid, native_labels)
    y, x = (window.origin[axis] + window.step[axis] * (cine.shape[axis + 1] - 1) / 2 for axis in (1, 2))
    return HarmonisedCine(
        cine, labels, es_frame, findings, native, function, placement, alignment.spread_mm, (y, x)
    )


def normalise(
    cine: np.ndarray,
    window: HeartWindow,
    percentiles: Sequence[float],
    landmarks: Sequence[float] | None = None,
) -> np.ndarray:
    """Map two percentiles of what was imaged to 0 and 1, clipping beyond; 0 where nothing was.

    With landmarks, the deciles between them follow; see `synthaug.data.intensities.standardise`.

    Raises
    ------
    ValueError
        Both percentiles are the same number, or the middle of the window shows nothing.
    """
    rows, columns = (
        np.flatnonzero(window.inside.any(axis=axis)) for axis in (1, 0)
    )  # what is inside is a rectangle
    imaged = cine[..., rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else cine
    low, high = percentiles_of(imaged, percentiles)
    if not high > low:
        raise ValueError("the cine is constant where the heart should be")
    scaled = cine - np.float32(low)
    scaled *= np.float32(1 / (high - low))
    np.clip(scaled, 0, 1, out=scaled)
    if landmarks is not None:
        scaled = standardise(scaled, window.inside, landmarks)
    if not window.inside.all():
        scaled[..., ~window.inside] = 0
    return scaled


@dataclass(frozen=True)
class _Written:
    """One subject as `_harmonise_subject` wrote it."""

    row: dict[str, Any]
    hashes: dict[str, str]
    findings: list[Finding]
    quality: dict[str, float]


def _harmonise_subject(
    subject: RawSubject,
    dataset: str,
    view: View,
    settings: HarmonisationSettings,
    exclude: Mapping[str, str],
    folder: Path,
) -> _Written | SubjectError:
    """Write one subject to `folder`, or say why it is not used."""
    name = f"{dataset}-{subject.id}"
    where = subject.files[0] if subject.files else ""
    excluded = next((one for one in _names_of(subject) if one in exclude), None)
    if excluded is not None:
        remedy = f"to use it, take {excluded} out of `exclude` of the dataset"
        return SubjectError("excluded-by-study", subject.id, where, exclude[excluded], remedy)
    try:
        if not SUBJECT_ID.fullmatch(name):
            problem = f"the id {name} is too long"
            return SubjectError("id-refused", subject.id, where, problem, "use at most 64 characters")
        raw = load_subject(subject)
        if raw.view != view:
            problem = f"is a {raw.view} cine, the dataset is of view {view}"
            return SubjectError(
                "view", subject.id, where, problem, "set view of the dataset, or correct the reader"
            )
        oriented = orient_cine(raw, subject.ed_frame, subject.es_frame)
        done = harmonise_cine(oriented, settings)
        quality = measure_quality(oriented.cine, oriented.spacing_mm, done.centre, raw.frame_duration_s)
    except SubjectError as error:
        return error
    except ValueError as error:
        return SubjectError("image-constant", subject.id, where, str(error), "check the image")
    except MemoryError:
        return _lack_of_memory(subject)
    duration = raw.frame_duration_s and raw.frame_duration_s * raw.image.shape[3] / settings.frames
    place = folder / f"sub-{name}"
    # As labels, structures that nobody drew would be trained and scored as background.
    labels, native_labels = ({}, {}) if raw.partly_drawn else (done.labels, done.native.labels)
    hashes = write_subject(place, done.cine, labels, settings.spacing_mm, duration)
    hashes |= write_native(place, done.native.grid, native_labels)
    unknown = pd.NA  # in an object column, so that whole numbers beside it stay whole numbers
    row = {
        "subject": name,
        "dataset": dataset,
        **{
            field: getattr(subject, field)
            for field in ("centre", "vendor", "scanner", "field_strength_t", "diagnosis", "sex", "age")
        },
        "height_cm": subject.height_cm,
        "weight_kg": subject.weight_kg,
        "ed_frame": 0,
        "es_frame": unknown if done.es_frame is None else done.es_frame,
        "labelled_frames": ",".join(map(str, sorted(labels))) or None,
        "n_frames": settings.frames,
        "n_slices": done.cine.shape[1],
        "spacing": ",".join(f"{size:g}" for size in settings.spacing_mm),
        **done.function,
        "patient": f"{dataset}-{subject.patient or subject.id}",
    }
    row["slice_shift_mm"] = done.slice_shift_mm
    if subject.sequence is not None:
        row["sequence"] = subject.sequence
    if isinstance(subject, ReportedSubject):
        row |= subject.reported
    if done.placement:
        found = (done.placement.offset_mm, done.placement.margin_mm, done.placement.outside)
        row |= dict(zip(PLACEMENT_COLUMNS, found, strict=True))
    return _Written(row, hashes, [*subject.findings, *done.findings], quality)


def _names_of(subject: RawSubject) -> tuple[str, str]:
    """What a study may call a subject: its id, or that of its patient."""
    return subject.id, subject.patient or subject.id


def _lack_of_memory(subject: RawSubject) -> SubjectError:
    return SubjectError(
        "memory",
        subject.id,
        subject.files[0] if subject.files else "",
        "its process was killed or ran out of memory",
        "give the job more memory (mem_mb) or read fewer subjects at a time (threads)",
    )


def harmonise_dataset(
    name: str,
    dataset: DatasetSettings,
    root: Path,
    settings: HarmonisationSettings,
    output: Path,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Harmonise a raw dataset into a cohort folder, whole or not at all.

    Beside the cohort's own files the folder holds ``quarantine.tsv`` (subject, code, file, problem, remedy),
    ``findings.tsv`` (subject, code, problem, remedy), ``ignored.tsv`` (file, reason) of what lies below the root and was
    not read, and ``quality.tsv`` (`synthaug.data.image_quality`).

    Parameters
    ----------
    name : str
        The dataset's name; subjects are called ``<name>-<id>``.
    dataset : DatasetSettings
        Layout, and what the files do not say.
    root : Path
        Folder of the raw dataset.
    settings : HarmonisationSettings
        The common voxel grid.
    output : Path
        The cohort's folder.
    processes : int
        Subjects at a time, each in one process; the bytes written do not depend on it.
    progress : callable, optional
        Called with the subjects done and all there are.

    Raises
    ------
    SynthaugError
        The dataset cannot be read, has not the subjects that `exclude` names, or fewer than `minimum_subjects` can be
        used.
    """
    subjects = find_subjects(dataset, root)
    if absent := sorted(set(dataset.exclude).difference(*map(_names_of, subjects))):
        raise SynthaugError(
            f"datasets.{name}.exclude: {root} has no subject {' or '.join(absent)}; correct the id or take it out"
        )
    rows: list[Mapping[str, Any]] = []
    files: dict[str, dict[str, str]] = {}
    findings: list[tuple[str, str, str, str]] = []
    quality: list[dict[str, Any]] = []
    quarantine: list[SubjectError] = []
    with atomic_folder(output) as folder:
        work = partial(
            _harmonise_subject,
            dataset=name,
            view=dataset.shows,
            settings=settings,
            exclude=dataset.exclude,
            folder=folder,
        )
        for done, result in enumerate(in_processes(work, subjects, processes, _lack_of_memory), start=1):
            if isinstance(result, SubjectError):
                quarantine.append(result)
                log.warning("quarantined: %s", result)
            else:
                name_of = result.row["subject"]
                rows.append(result.row)
                files[name_of] = result.hashes
                quality.append({"subject": name_of, **result.quality, "findings": len(result.findings)})
                for finding in result.findings:
                    findings.append((name_of, *finding))
                    log.warning("%s: %s", name_of, finding)
            if progress is not None:
                progress(done, len(subjects))
        if len(rows) < dataset.minimum_subjects:
            first = f"; the first problem: {quarantine[0]}" if quarantine else ""
            # With more memory they may be enough.
            of_memory = any(error.code == "memory" for error in quarantine)
            raise (PassingError if of_memory else SynthaugError)(
                f"{name}: {root}: {len(rows)} of {len(subjects)} subjects can be used, "
                f"minimum_subjects is {dataset.minimum_subjects}{first}"
            )
        # Where it lies on this machine is no identity; code from outside the package is. Phenotypes and reports are joined later.
        source = dataset.model_dump(mode="json", exclude={"root", "phenotypes", "reports"})
        if code := code_hashes([module_of(dataset)]):
            source["code"] = code
        harmonisation = settings.model_dump(mode="json")
        write_cohort(
            folder,
            name,
            "real",
            rows,
            settings.spacing_mm,
            dataset.shows,
            source=source,
            harmonisation=harmonisation,
            files=files,
        )
        write_tsv(folder / "ignored.tsv", _ignored_table(ignored_files(dataset, root, subjects), root))
        write_tsv(folder / "quarantine.tsv", _quarantine_table(name, quarantine, root))
        write_tsv(
            folder / "findings.tsv", pd.DataFrame(findings, columns=["subject", "code", "problem", "remedy"])
        )
        write_tsv(folder / QUALITY, pd.DataFrame(quality, columns=list(QUALITY_COLUMNS)))


def _quarantine_table(name: str, errors: Sequence[SubjectError], root: Path) -> pd.DataFrame:
    rows = []
    for error in errors:
        file = Path(error.file)
        shown = str(file.relative_to(root)) if file.is_relative_to(root) else error.file
        rows.append((f"{name}-{error.subject}", error.code, shown, error.problem, error.remedy))
    return pd.DataFrame(rows, columns=["subject", "code", "file", "problem", "remedy"])


def _ignored_table(ignored: Sequence[Ignored], root: Path) -> pd.DataFrame:
    rows = [(str(one.path.relative_to(root)), one.reason) for one in ignored]
    return pd.DataFrame(rows, columns=["file", "reason"])
