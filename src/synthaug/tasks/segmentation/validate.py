"""Deciding on a training's post-processing with predictions for its validation patients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from synthaug.core.artifacts import atomic_folder, read_json, write_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.tasks.segmentation.cases import read_volume
from synthaug.tasks.segmentation.determine_postprocessing import determine_postprocessing
from synthaug.tasks.segmentation.postprocessing import DECISION
from synthaug.tasks.segmentation.predict import predict_cohort


def validate_segmenter(
    model: str | Path,
    cohort: Cohort,
    output: str | Path,
    mirroring: bool = True,
    step_size: float = 0.5,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Segment the validation patients of a training and decide on its post-processing, as nnU-Net does after training.

    The decision is taken where predictions are scored: on the voxel grid that each patient was imaged on, or on the
    study's where a patient has no other. Interpolation and the window change which components touch, so that a removal
    may raise the Dice on one grid and lower it on the other. No label of a test patient is read: only the patients that
    the training itself validated on are accepted.

    Parameters
    ----------
    model : path
        A folder that `train_segmenter` wrote.
    cohort : Cohort
        The validation patients of the training's fold.
    output : path
        Folder that receives, atomically, ``predictions`` (of `predict_cohort`, without post-processing) and
        ``postprocessing.json``: ``keep_largest`` (the removals kept, each a list of structures), ``trials`` (every
        removal tried, with the mean Dice of each structure before and after), the cases that decided, and the hash of
        the weights.
    mirroring, step_size, threads
        See `Segmenter`.
    progress : callable, optional
        Called with the subjects done and to do.

    Raises
    ------
    SynthaugError
        A subject with labels that the training did not validate on, or none with labels.
    """
    training = read_json(Path(model) / "training.json")
    for subject in cohort.subjects:
        if cohort.labelled_frames(subject) and subject not in training["validation_subjects"]:
            raise SynthaugError(
                f"{model}: {subject} is no validation patient of this training; "
                "decide on the post-processing with the validation patients of its fold"
            )
    with atomic_folder(output) as folder:
        predictions = folder / "predictions"
        predict_cohort(model, cohort, predictions, "ed_es", mirroring, step_size, threads, progress)
        cases, predicted, references = [], [], []
        for case in read_json(predictions / "predictions.json")["cases"]:
            subject, frame = case["subject"], case["frame"]
            if frame not in cohort.labelled_frames(subject):
                continue
            cases.append(
                {"subject": subject, "frame": frame, "grid": "native" if "native" in case else "study"}
            )
            predicted.append(read_volume(predictions / case.get("native", case["file"])))
            references.append(_reference(cohort, subject, frame, "native" in case))
        if not cases:
            raise SynthaugError(f"{output}: no labelled validation patient; see the split")
        decision, trials = determine_postprocessing(predicted, references)
        content = {
            "keep_largest": [list(structures) for structures in decision.keep_largest],
            "trials": [asdict(trial) for trial in trials],
            "cases": cases,
            "weights_sha256": training["weights_sha256"],
        }
        write_json(folder / DECISION, content, checksum=True)


def _reference(cohort: Cohort, subject: str, frame: int, native: bool) -> np.ndarray:
    own = cohort.native(subject)
    if native and own is not None:
        return own.labels[frame]
    return cohort.label_cine(subject)[frame]
