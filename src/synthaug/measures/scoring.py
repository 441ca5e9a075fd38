"""Scores of predicted label maps against a cohort's own labels, as result rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.native_grid import NativeGrid
from synthaug.data.stored_nifti import read_shape, read_voxels
from synthaug.labels import BACKGROUND, FUNCTION_COLUMNS, STRUCTURES
from synthaug.measures.function_errors import PHASES, function_errors, wall_errors
from synthaug.measures.measurement import Measurement
from synthaug.metric_registry import columns_of
from synthaug.metrics.overlap import dice
from synthaug.metrics.surface import average_from, hausdorff_from, surface_distances
from synthaug.metrics.surfels import normalised_surface_dice
from synthaug.metrics.volumes import MYOCARDIAL_DENSITY_G_PER_ML, ejection_fraction, structure_volume_ml
from synthaug.tables import Row, make_table
from synthaug.views import NO_VOLUMES

#: Surfaces nearer than this (mm) are one to `nsd`: about a pixel of a cine, and what two readers of a border differ by.
NSD_TOLERANCE_MM = 2.0
#: Rows on a subject's own voxel grid, and what computes them; on the study's grid; of a perfect prediction there.
NATIVE = {name: name for name in ("dice", "hd", "hd95", "assd", "nsd")}
ON_GRID = {"dice_grid": "dice", "hd95_grid": "hd95"}
CEILING = {"dice_ceiling": "dice"}
_FROM_DISTANCES: dict[str, Callable[[tuple[np.ndarray, np.ndarray]], float]] = {
    "hd": hausdorff_from,
    "hd95": partial(hausdorff_from, percentile=95),
    "assd": average_from,
}


def score_predictions(predictions: str | Path, cohort: Cohort, measurement: Measurement) -> pd.DataFrame:
    """Score the ED and ES predictions of every subject that has labels there.

    Parameters
    ----------
    predictions : path
        Folder with ``predictions.json`` and ``<subject>_f<frame>.nii.gz``.
    cohort : Cohort
        The subjects to score, with their reference labels.
    measurement : Measurement
        Arm, generator, dose, fold and seeds.

    Returns
    -------
    DataFrame
        Result rows per structure, phase and subject, on the voxel grid the subject was imaged on: Dice, HD, HD95, ASSD and
        NSD; `dice_grid` and `hd95_grid` on the study's grid; `dice_ceiling`, what a prediction that equals the reference
        there would reach on the subject's own. The expected calibration error (`ece`) of a frame, where the prediction
        measured it. Errors of volumes, ejection fraction, myocardial mass and wall thickness
        per subject, predicted minus reference, on the own grid. A frame that was not predicted scores as if every
        structure had been missed, and so does what lies outside of the study's window. Of long-axis cines the errors of
        volumes, mass and wall are ``not_measured``.

    Raises
    ------
    SynthaugError
        A prediction lies on another grid than its subject.
    """
    files, calibration = predicted_files(Path(predictions)), _calibration_rows(Path(predictions))
    rows: list[Row] = []
    for subject in cohort.subjects:
        frames = phase_frames(cohort, subject)
        if not frames:
            continue
        about = {
            "subject": subject,
            "vendor": cohort.table.loc[subject, "vendor"],
            "diagnosis": cohort.table.loc[subject, "diagnosis"],
            **measurement.fields,
        }
        for row in _scores(cohort, subject, frames, files.get(subject, {})):
            rows.append({**row, **about})
        for phase, frame in frames.items():
            if (found := calibration(subject, frame)) is not None:
                rows.append({**columns_of("ece"), "phase": phase, **found, **about})
    return make_table(rows)


def _scores(
    cohort: Cohort, subject: str, frames: Mapping[str, int], files: Mapping[int, Mapping[str, Path]]
) -> Iterator[Row]:
    """Rows of one subject: on its own voxel grid, and where that is another than the study's, also on this one."""
    labels, native = cohort.label_cine(subject), cohort.native(subject)
    reference = {phase: labels[frame] for phase, frame in frames.items()}
    found = read_predicted_frames(
        {frame: files[frame] for frame in frames.values() if frame in files}, labels.shape[1:]
    )
    predicted = {phase: found.get(frame) for phase, frame in frames.items()}
    spacing_mm = cohort.spacing_mm
    if native is not None:
        for phase in frames:
            for row in _overlap(predicted[phase], reference[phase], spacing_mm, ON_GRID):
                yield {**row, "phase": phase}
        ceiling = {phase: native.grid.labels_from(one_hot(mask)) for phase, mask in reference.items()}
        predicted = {
            phase: _taken_back(native.grid, files.get(frame, {}).get("native"), predicted[phase])
            for phase, frame in frames.items()
        }
        reference = {phase: native.labels[frame] for phase, frame in frames.items()}
        spacing_mm = native.grid.spacing_mm
        for phase, mask in ceiling.items():
            for row in _overlap(mask, reference[phase], spacing_mm, CEILING):
                yield {**row, "phase": phase}
    for phase in frames:
        for row in _overlap(predicted[phase], reference[phase], spacing_mm, NATIVE):
            yield {**row, "phase": phase}
    for measure in (function_errors, wall_errors):
        if cohort.has_volumes:
            yield from measure(predicted, reference, spacing_mm)
        else:
            for row in measure({}, {}, spacing_mm):
                yield {**row, "note": NO_VOLUMES}


def _taken_back(grid: NativeGrid, path: Path | None, predicted: np.ndarray | None) -> np.ndarray | None:
    """The prediction on the subject's own voxel grid: the segmenter's, or its labels taken back as they are."""
    if predicted is None or path is not None:
        return read_prediction(path, grid.shape)
    return grid.labels_from(one_hot(predicted))


def phase_frames(cohort: Cohort, subject: str) -> dict[str, int]:
    """Labelled frame of each phase the subject has: ``{"ED": 0, "ES": 5}``."""
    labelled = cohort.labelled_frames(subject)
    frames = {phase: _known_frame(cohort, subject, phase) for phase in PHASES}
    return {phase: frame for phase, frame in frames.items() if frame is not None and frame in labelled}


def _known_frame(cohort: Cohort, subject: str, phase: str) -> int | None:
    frame: Any = cohort.table.loc[subject, f"{phase.lower()}_frame"]
    return None if pd.isna(frame) else int(frame)


def predicted_files(predictions: Path) -> dict[str, dict[int, dict[str, Path]]]:
    """Files of each predicted frame, by subject and frame: ``file`` on the study's grid, ``native`` on the subject's own.

    Frames may share a file.
    """
    files: dict[str, dict[int, dict[str, Path]]] = {}
    for case in read_json(predictions / "predictions.json")["cases"]:
        files.setdefault(case["subject"], {})[case["frame"]] = {
            grid: predictions / case[grid] for grid in ("file", "native") if grid in case
        }
    return files


def _calibration_rows(predictions: Path) -> Callable[[str, int], Row | None]:
    """Row of the expected calibration error of a subject's frame, which the prediction measured: probabilities are not kept.

    None where this prediction measures none.
    """
    cases = read_json(predictions / "predictions.json")["cases"]
    by_frame = {(case["subject"], case["frame"]): case for case in cases}
    measured = any("ece" in case for case in cases)

    def row(subject: str, frame: int) -> Row | None:
        case = by_frame.get((subject, frame))
        if case is None:
            return {"status": "not_measured", "note": "the frame was not predicted"} if measured else None
        if "ece" not in case:
            return None
        if case["ece"] is None:
            return {"status": "not_measured", "note": "neither prediction nor reference has foreground"}
        return {"status": "ok", "value": case["ece"], "n": 1}

    return row


def one_hot(labels: np.ndarray) -> np.ndarray:
    """Labels (z, y, x) as one volume a class, float32, background first."""
    return np.stack([labels == label for label in (BACKGROUND, *STRUCTURES.values())]).astype(np.float32)


def read_prediction(path: Path | None, shape: Sequence[int]) -> np.ndarray | None:
    """Predicted labels (z, y, x) of a frame; None where there is no file.

    Raises
    ------
    SynthaugError
        The prediction has another shape.
    """
    if path is None:
        return None
    return _of_shape(read_voxels(path, np.uint8), shape, path)


def read_predicted_frames(
    files: Mapping[int, Mapping[str, Path]], shape: Sequence[int]
) -> dict[int, np.ndarray]:
    """Predicted labels (z, y, x) of frames of one subject.

    Parameters
    ----------
    files : mapping of int to mapping of str to Path
        Files of the frames, of `predicted_files`: one a frame, or one of all frames of the cine, which is read once.
    shape : sequence of 3 ints
        Of the subject's frames (z, y, x).

    Raises
    ------
    SynthaugError
        A prediction has another shape.
    """
    stored = {
        path: read_voxels(path, np.uint8) for path in dict.fromkeys(paths["file"] for paths in files.values())
    }
    found = {}
    for frame, paths in sorted(files.items()):
        labels = stored[paths["file"]]
        if labels.ndim > len(shape):
            labels = labels[frame] if frame < len(labels) else labels[:0]
        found[frame] = _of_shape(labels, shape, paths["file"])
    return found


def _of_shape(labels: np.ndarray, shape: Sequence[int], path: Path) -> np.ndarray:
    if labels.shape != tuple(shape):
        raise SynthaugError(
            f"{path}: is {labels.shape}, its subject {tuple(shape)} (z, y, x); predict it again"
        )
    return labels


def _overlap(
    predicted: np.ndarray | None,
    reference: np.ndarray,
    spacing_mm: Sequence[float],
    metrics: Mapping[str, str],
) -> Iterator[Row]:
    """Rows of overlap and surface metrics for each structure of one frame.

    Parameters
    ----------
    predicted, reference : ndarray, shape (z, y, x)
        Canonical labels; a prediction of None misses everything.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    metrics : mapping of str to str
        What to compute, by the name of the row.

    Yields
    ------
    dict
        Row with `structure`, `value` and `status`. A structure in only one of the masks scores
        Dice and NSD 0 and the image's diagonal, under a status that tells which mask lacks it.
    """
    absent = predicted is None
    labels = np.zeros_like(reference) if predicted is None else predicted
    for structure, label in STRUCTURES.items():
        masks = labels == label, reference == label
        status, note = _presence(masks[0].any(), masks[1].any(), absent)
        distances = surface_distances(*masks, spacing_mm) if _needs_distances(metrics) else None
        for metric, computed in metrics.items():
            if computed == "dice":
                value = dice(*masks)
            elif computed == "nsd":
                value = normalised_surface_dice(*masks, spacing_mm, NSD_TOLERANCE_MM)
            else:
                assert distances is not None
                value = _FROM_DISTANCES[computed](distances)
            shared = {**columns_of(metric), "structure": structure, "status": status, "note": note, "n": 1}
            yield shared if status == "empty_both" else {**shared, "value": value}


def _needs_distances(metrics: Mapping[str, str]) -> bool:
    return any(computed in _FROM_DISTANCES for computed in metrics.values())


def _presence(predicted: bool, reference: bool, absent: bool) -> tuple[str, str]:
    if predicted and reference:
        return "ok", ""
    if reference:
        why = "the frame was not predicted" if absent else "the prediction lacks the structure"
        return "missing_prediction", f"{why}: Dice 0, distances the image diagonal"
    if predicted:
        return "missing_reference", "the reference lacks the structure: Dice 0, distances the image diagonal"
    return "empty_both", "neither mask has the structure"


def predicted_volumes(predictions: str | Path, cohort: Cohort) -> pd.DataFrame:
    """Volumes of each subject as a segmenter sees its images.

    Parameters
    ----------
    predictions : path
        Folder with ``predictions.json`` and the predicted labels.
    cohort : Cohort
        The subjects predicted.

    Returns
    -------
    DataFrame
        One row a subject: subject, lv_edv_ml, lv_esv_ml, rv_edv_ml, rv_esv_ml, lv_ef, rv_ef, myo_mass_g.
        ED is the frame the cohort's table names, or the first; ES is the predicted frame with the smallest
        LV, because the table's may be what a generator's own masks say. Unknown is NaN, and so is all of long-axis
        cines.
    """
    files = predicted_files(Path(predictions))
    rows = []
    for subject in cohort.subjects:
        shape = read_shape(cohort.folders[subject] / "cine.nii.gz")[1:]
        labels = read_predicted_frames(files.get(subject, {}), shape)
        curve = {frame: _volumes(mask, cohort.spacing_mm) for frame, mask in labels.items()}
        at_ed = curve.get(_known_frame(cohort, subject, "ED") or 0, {})
        at_es = min(curve.values(), key=lambda volumes: volumes["LV"], default={})
        row: Row = {"subject": subject}
        for name in ("LV", "RV"):
            edv, esv = at_ed.get(name, float("nan")), at_es.get(name, float("nan"))
            key = name.lower()
            row |= {f"{key}_edv_ml": edv, f"{key}_esv_ml": esv, f"{key}_ef": ejection_fraction(edv, esv)}
        row["myo_mass_g"] = MYOCARDIAL_DENSITY_G_PER_ML * at_ed.get("MYO", float("nan"))
        rows.append(
            row
            if cohort.has_volumes
            else {"subject": subject, **dict.fromkeys(FUNCTION_COLUMNS, float("nan"))}
        )
    return pd.DataFrame(rows)


def _volumes(labels: np.ndarray, spacing_mm: Sequence[float]) -> dict[str, float]:
    return {name: structure_volume_ml(labels, name, spacing_mm) for name in STRUCTURES}
