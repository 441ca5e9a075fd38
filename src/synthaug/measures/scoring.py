"""Scores of predicted label maps against a cohort's own labels, as result rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.labels import STRUCTURES
from synthaug.measures.function_errors import PHASES, function_errors, wall_errors
from synthaug.measures.measurement import Measurement
from synthaug.metric_registry import columns_of
from synthaug.metrics.overlap import dice
from synthaug.metrics.surface import average_from, hausdorff_from, surface_distances
from synthaug.metrics.volumes import MYOCARDIAL_DENSITY_G_PER_ML, ejection_fraction, structure_volume_ml
from synthaug.tables import Row, make_table


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
        Result rows: Dice, HD, HD95 and ASSD per structure, phase and subject; errors of volumes,
        ejection fraction, myocardial mass and wall thickness per subject, predicted minus reference. A frame that was not
        predicted scores as if every structure had been missed.

    Raises
    ------
    SynthaugError
        A prediction lies on another grid than its subject.
    """
    files = predicted_files(Path(predictions))
    rows: list[Row] = []
    for subject in cohort.subjects:
        frames = phase_frames(cohort, subject)
        if not frames:
            continue
        labels = cohort.label_cine(subject)
        reference = {phase: labels[frame] for phase, frame in frames.items()}
        predicted = {
            phase: read_prediction(files.get(subject, {}).get(frame), reference[phase].shape)
            for phase, frame in frames.items()
        }
        about = {
            "subject": subject,
            "vendor": cohort.table.loc[subject, "vendor"],
            "diagnosis": cohort.table.loc[subject, "diagnosis"],
            **measurement.fields,
        }
        for phase in frames:
            for row in score_labels(predicted[phase], reference[phase], cohort.spacing_mm):
                rows.append({**row, "phase": phase, **about})
        for measure in (function_errors, wall_errors):
            rows += [{**row, **about} for row in measure(predicted, reference, cohort.spacing_mm)]
    return make_table(rows)


def phase_frames(cohort: Cohort, subject: str) -> dict[str, int]:
    """Labelled frame of each phase the subject has: ``{"ED": 0, "ES": 5}``."""
    labelled = cohort.labelled_frames(subject)
    frames = {phase: _known_frame(cohort, subject, phase) for phase in PHASES}
    return {phase: frame for phase, frame in frames.items() if frame is not None and frame in labelled}


def _known_frame(cohort: Cohort, subject: str, phase: str) -> int | None:
    frame: Any = cohort.table.loc[subject, f"{phase.lower()}_frame"]
    return None if pd.isna(frame) else int(frame)


def predicted_files(predictions: Path) -> dict[str, dict[int, Path]]:
    """File of each predicted frame, by subject and frame."""
    files: dict[str, dict[int, Path]] = {}
    for case in read_json(predictions / "predictions.json")["cases"]:
        files.setdefault(case["subject"], {})[case["frame"]] = predictions / case["file"]
    return files


def read_prediction(path: Path | None, shape: Sequence[int]) -> np.ndarray | None:
    """Predicted labels (z, y, x) of a frame; None where there is no file.

    Raises
    ------
    SynthaugError
        The prediction has another shape.
    """
    if path is None:
        return None
    labels = np.asarray(nib.Nifti1Image.from_filename(path).dataobj, dtype=np.uint8).T
    if labels.shape != tuple(shape):
        raise SynthaugError(
            f"{path}: is {labels.shape}, its subject {tuple(shape)} (z, y, x); predict it again"
        )
    return labels


def score_labels(
    predicted: np.ndarray | None, reference: np.ndarray, spacing_mm: Sequence[float]
) -> Iterator[Row]:
    """Rows of Dice, HD, HD95 and ASSD for each structure of one frame.

    Parameters
    ----------
    predicted, reference : ndarray, shape (z, y, x)
        Canonical labels; a prediction of None misses everything.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).

    Yields
    ------
    dict
        Row with `structure`, `value` and `status`. A structure in only one of the masks scores
        Dice 0 and the image's diagonal, under a status that tells which mask lacks it.
    """
    absent = predicted is None
    labels = np.zeros_like(reference) if predicted is None else predicted
    for structure, label in STRUCTURES.items():
        masks = labels == label, reference == label
        status, note = _presence(masks[0].any(), masks[1].any(), absent)
        distances = surface_distances(*masks, spacing_mm)
        values = {
            "dice": dice(*masks),
            "hd": hausdorff_from(distances),
            "hd95": hausdorff_from(distances, 95),
            "assd": average_from(distances),
        }
        for metric, value in values.items():
            shared = {**columns_of(metric), "structure": structure, "status": status, "note": note, "n": 1}
            yield shared if status == "empty_both" else {**shared, "value": value}


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
        LV, because the table's may be what a generator's own masks say. Unknown is NaN.
    """
    files = predicted_files(Path(predictions))
    rows = []
    for subject in cohort.subjects:
        shape = nib.Nifti1Image.from_filename(cohort.folders[subject] / "cine.nii.gz").shape[2::-1]
        labels = {
            frame: read_prediction(path, shape) for frame, path in sorted(files.get(subject, {}).items())
        }
        curve = {
            frame: _volumes(mask, cohort.spacing_mm) for frame, mask in labels.items() if mask is not None
        }
        at_ed = curve.get(_known_frame(cohort, subject, "ED") or 0, {})
        at_es = min(curve.values(), key=lambda volumes: volumes["LV"], default={})
        row: Row = {"subject": subject}
        for name in ("LV", "RV"):
            edv, esv = at_ed.get(name, float("nan")), at_es.get(name, float("nan"))
            key = name.lower()
            row |= {f"{key}_edv_ml": edv, f"{key}_esv_ml": esv, f"{key}_ef": ejection_fraction(edv, esv)}
        row["myo_mass_g"] = MYOCARDIAL_DENSITY_G_PER_ML * at_ed.get("MYO", float("nan"))
        rows.append(row)
    return pd.DataFrame(rows)


def _volumes(labels: np.ndarray, spacing_mm: Sequence[float]) -> dict[str, float]:
    return {name: structure_volume_ml(labels, name, spacing_mm) for name in STRUCTURES}
