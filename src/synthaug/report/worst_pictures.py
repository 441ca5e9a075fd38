"""Pictures of a test patient: reference, and the predictions of two arms, at ED and ES."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthaug.data.cohort import Cohort
from synthaug.labels import STRUCTURES
from synthaug.measures.scoring import phase_frames, predicted_files, read_prediction
from synthaug.metrics.overlap import dice
from synthaug.report.inputs import PredictionRun
from synthaug.report.plots.contours import slice_picture
from synthaug.statistics.scores import RUN


class Segmentation(NamedTuple):
    """One segmentation of a subject: the training that made it, and its Dice, mean over structures and phases."""

    run: PredictionRun
    dice: float


def lowest(scores: pd.DataFrame, arm: str, runs: Sequence[PredictionRun]) -> tuple[str, Segmentation] | None:
    """The subject and training of a patient with the lowest Dice in an arm.

    Parameters
    ----------
    scores : DataFrame
        Rows of one patient (`synthaug.report.worst.scores_of_patients`).
    arm : str
        Name of the arm.
    runs : sequence of PredictionRun
        Predictions of the study.

    Returns
    -------
    (str, Segmentation) or None
        None if no prediction belongs to the rows.
    """
    own = scores[(scores["arm"] == arm) & (scores["metric"] == "dice")]
    means = own.groupby(["subject", *RUN], dropna=False)["value"].mean().sort_values(kind="stable")
    for (subject, *training), value in _keyed(means):
        run = _find(runs, arm, *training)
        if run is not None:
            return str(subject), Segmentation(run, float(value))
    return None


def paired(
    scores: pd.DataFrame, arm: str, subject: str, other: PredictionRun, runs: Sequence[PredictionRun]
) -> Segmentation | None:
    """The segmentation of a subject by another arm's training of the same fold and training seed.

    Of several generator seeds the one of the other training, or the first.
    """
    own = scores[(scores["arm"] == arm) & (scores["metric"] == "dice") & (scores["subject"] == subject)]
    means = own.groupby(list(RUN), dropna=False)["value"].mean()
    found = []
    for training, value in _keyed(means):
        run = _find(runs, arm, *training)
        if run is not None and (run.fold, run.training_seed) == (other.fold, other.training_seed):
            found.append(Segmentation(run, float(value)))
    return min(found, key=lambda each: each.run.generator_seed != other.generator_seed, default=None)


def _keyed(means: pd.Series[float]) -> Iterator[tuple[tuple[Any, ...], float]]:
    """Keys and values of means by several columns."""
    return zip(means.index.to_list(), means.to_list(), strict=True)


def _find(
    runs: Sequence[PredictionRun], arm: str, fold: float, generator_seed: float, training_seed: float
) -> PredictionRun | None:
    """The predictions of a training; rows of an arm without a generator have no generator seed."""
    for run in runs:
        if (run.arm, run.fold, run.training_seed) == (arm, fold, training_seed) and (
            pd.isna(generator_seed) or run.generator_seed == generator_seed
        ):
            return run
    return None


def draw_patient(
    cohort: Cohort, subject: str, shown: Sequence[Segmentation], name: str, assets: Path
) -> dict[str, Any]:
    """Draw one slice at ED and ES: the reference, and each segmentation over it.

    Parameters
    ----------
    cohort : Cohort
        Real subjects.
    subject : str
        Subject to draw; it has reference labels at ED or ES.
    shown : sequence of Segmentation
        Segmentations, the one that chooses the slice first.
    name : str
        Beginning of the file names.
    assets : Path
        Folder to write into.

    Returns
    -------
    dict
        ``tiles`` (file, label and alternative text, a row a phase) and ``slices``, what is said of them.
    """
    cine, labels = cohort.cine(subject), cohort.label_cine(subject)
    files = [predicted_files(each.run.folder).get(subject, {}) for each in shown]
    tiles, slices = [], []
    for phase, frame in phase_frames(cohort, subject).items():
        reference = labels[frame]
        found = [read_prediction(own.get(frame, {}).get("file"), reference.shape) for own in files]
        predicted = [np.zeros_like(reference) if mask is None else mask for mask in found]
        z = worst_slice(reference, predicted[0])
        slices.append(f"{phase}: frame {frame + 1}, slice {z + 1} of {len(reference)}")
        titles = ["reference", *(each.run.arm for each in shown)]
        for index, (title, mask) in enumerate(zip(titles, [None, *predicted], strict=True)):
            file = f"{name}-{phase}-{index}.png"
            picture = slice_picture(
                cine[frame, z], reference[z], None if mask is None else mask[z], cohort.spacing_mm[1:]
            )
            (assets / file).write_bytes(picture)
            tiles.append(
                {"file": file, "label": f"{phase}, {title}", "alt": f"{subject} at {phase}, {title}"}
            )
    return {"tiles": tiles, "slices": "; ".join(slices)}


def worst_slice(reference: np.ndarray, predicted: np.ndarray) -> int:
    """Slice with the lowest Dice among those with at least half of the largest reference area.

    Small slices at base and apex are left out: their Dice is low in any patient. Of equal slices the one with the larger area.

    Parameters
    ----------
    reference, predicted : ndarray, shape (z, y, x)
        Canonical labels.
    """
    known = list(STRUCTURES.values())
    areas = np.isin(reference, known).sum(axis=(1, 2))
    scores = []
    for z in np.flatnonzero(2 * areas >= areas.max()):
        masks = [(predicted[z] == label, reference[z] == label) for label in known]
        found = [dice(*pair) for pair in masks if pair[0].any() or pair[1].any()]
        scores.append((float(np.mean(found)) if found else 1.0, -int(areas[z]), int(z)))
    return min(scores)[2]
