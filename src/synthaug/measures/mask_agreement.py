"""Do a generator's masks fit its images? Agreement with a segmenter that saw real patients only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.config.evaluation import EvaluationSettings
from synthaug.data.cohort import Cohort
from synthaug.labels import STRUCTURES, UNLABELLED
from synthaug.measures.function_errors import PHASES
from synthaug.measures.measurement import Measurement
from synthaug.measures.scoring import phase_frames, predicted_files, read_predicted_frames
from synthaug.measures.synthetic_sample import joined
from synthaug.metrics.overlap import dice
from synthaug.metrics.percentile_bootstrap import NO_WIDTH, bootstrap_mean_interval
from synthaug.metrics.surface import hausdorff_distance
from synthaug.tables import Row, make_table

METRICS = ("mask_agreement_dice", "mask_agreement_hd95")
#: Columns of the agreement of single subjects.
SUBJECT_COLUMNS = ("subject", "structure", "phase", *METRICS)
#: The same of the masks that were requested, in place of those the generator made.
REQUESTED = ("requested_mask_dice", "requested_mask_hd95")
#: Ends the name of a metric that says the same of real patients: what this segmenter can reach.
REAL = "_real"
_EVERY_FRAME = ""  # the phase of a mean over frames


def measure_mask_agreement(
    predictions: str | Path, cohort: Cohort, measurement: Measurement, of: str = ""
) -> pd.DataFrame:
    """Dice and HD95 of a segmenter's masks against a cohort's own, means over subjects.

    Parameters
    ----------
    predictions : path
        Folder with ``predictions.json`` and the predicted labels.
    cohort : Cohort
        The subjects that were segmented, with their own masks.
    measurement : Measurement
        Generator, fold and seeds; replicates of the bootstrap over subjects, coverage, seed.
    of : str
        Appended to the metrics' names: empty for synthetic subjects, `REAL` for real ones.

    Returns
    -------
    DataFrame
        A row for each structure at ED and at ES with the mean over subjects of Dice (1) and of HD95 (mm), and,
        where other frames have masks too, one of the Dice over all of them, without a phase: first the mean over
        a subject's frames, then over subjects. A structure that only one of the masks has scores as everywhere:
        Dice 0 and the image's diagonal; one in neither counts nowhere. `n` is the number of subjects.
    """
    return agreement_rows(agreement_of_subjects(predictions, cohort), measurement, of)


def agreement_of_subjects(predictions: str | Path, cohort: Cohort) -> pd.DataFrame:
    """The same of each subject: `subject`, `structure`, `phase` (empty: the mean over frames) and `METRICS`."""
    files = predicted_files(Path(predictions))
    found = [
        row
        for subject in cohort.subjects
        for row in _agreements(
            subject,
            cohort.label_cine(subject),
            cohort.labelled_frames(subject),
            phase_frames(cohort, subject),
            files.get(subject, {}),
            cohort.spacing_mm,
        )
    ]
    return pd.DataFrame(found, columns=list(SUBJECT_COLUMNS))


def agreement_rows(
    subjects: pd.DataFrame, measurement: Measurement, of: str = "", note: str = ""
) -> pd.DataFrame:
    """The rows of `measure_mask_agreement` from those of `agreement_of_subjects`; `note` is that of the valued ones."""
    return _means(subjects, [metric + of for metric in METRICS], measurement, note)


def agreement_by_diagnosis(
    subjects: pd.DataFrame, diagnoses: Mapping[str, str], trained: Mapping[str, int], measurement: Measurement
) -> pd.DataFrame:
    """Dice of each diagnosis, as in `agreement_rows`: a segmenter judges hearts like those it was trained on.

    Parameters
    ----------
    subjects : DataFrame
        From `agreement_of_subjects`.
    diagnoses : mapping of str to str
        Diagnosis of each synthetic subject that has one.
    trained : mapping of str to int
        Diagnosis to the number of labelled real training patients with it.
    measurement : Measurement
        Generator, fold and seeds.

    Returns
    -------
    DataFrame
        Rows with `diagnosis`; none unless there are two or more. The note says how many patients of that diagnosis
        trained the segmenter.
    """
    known = subjects["subject"].map(dict(diagnoses))
    names = sorted(known.dropna().unique())
    if len(names) < 2:
        return make_table([])
    return pd.concat(
        [
            _means(
                subjects[known == name],
                METRICS[:1],
                measurement.with_fields(diagnosis=name),
                f"labelled training patients of this diagnosis: {trained.get(name, 0)}",
            )
            for name in names
        ],
        ignore_index=True,
    )


def unseen_diagnoses(diagnoses: Mapping[str, str], trained: Mapping[str, int]) -> str:
    """How many subjects have a diagnosis that no labelled training patient has, and which; empty where none has."""
    unseen = [name for name in diagnoses.values() if not trained.get(name, 0)]
    if not unseen:
        return ""
    named = ", ".join(sorted(set(unseen)))
    return f"{len(unseen)} of {len(diagnoses)} subjects have a diagnosis without labelled training patients: {named}"


def measure_requested_masks(
    predictions: str | Path, cohort: Cohort, measurement: Measurement, note: str = ""
) -> pd.DataFrame:
    """Dice and HD95 of a segmenter's masks against those that were requested, means over subjects.

    Parameters
    ----------
    predictions, measurement
        As of `measure_mask_agreement`.
    cohort : Cohort
        Synthetic subjects, some with requested masks (`Cohort.requested_label_cine`).
    note : str
        What else the rows note.

    Returns
    -------
    DataFrame
        Rows `REQUESTED` as those of `measure_mask_agreement`; no rows where no masks were requested. ES is the
        requested frame of the smallest LV, where frames beside ED are requested. The note says how many subjects were
        made without masks.
    """
    files = predicted_files(Path(predictions))
    found: list[Row] = []
    guided = 0
    for subject in cohort.subjects:
        labels = cohort.requested_label_cine(subject)
        if labels is None:
            continue
        guided += 1
        listed = [int(frame) for frame in np.flatnonzero((labels != UNLABELLED).any(axis=(1, 2, 3)))]
        phases = _requested_phases(labels, listed)
        found += _agreements(subject, labels, listed, phases, files.get(subject, {}), cohort.spacing_mm)
    if not guided:
        return make_table([])
    total = len(cohort.subjects)
    without = "" if guided == total else f"{total - guided} of {total} subjects were made without masks"
    note = joined(note, without)
    return _means(pd.DataFrame(found, columns=list(SUBJECT_COLUMNS)), REQUESTED, measurement, note)


def _requested_phases(labels: np.ndarray, listed: list[int]) -> dict[str, int]:
    """Frames of ED and ES among the requested ones."""
    ed, es = PHASES
    phases = {ed: 0} if 0 in listed else {}
    later = [frame for frame in listed if frame]
    if later:
        phases[es] = min(later, key=lambda frame: int((labels[frame] == STRUCTURES["LV"]).sum()))
    return phases


def _means(
    table: pd.DataFrame, names: Sequence[str], measurement: Measurement, note: str = ""
) -> pd.DataFrame:
    """Means over subjects, a row for each structure, phase and metric; `names` are those of Dice and, if wanted, HD95."""
    beyond = _EVERY_FRAME in set(table["phase"]) - set(PHASES)
    rows = []
    for structure in STRUCTURES:
        for phase in (*PHASES, *([_EVERY_FRAME] if beyond else [])):
            own = table[(table["structure"] == structure) & (table["phase"] == phase)]
            for metric, name in list(zip(METRICS, names, strict=False))[: None if phase else 1]:
                values = own[metric].dropna().to_numpy(np.float64)
                mean = _mean(values, measurement.settings)
                if mean["status"] == "ok":
                    mean["note"] = joined(note, mean.get("note", ""))
                rows.append(measurement.row(name, structure=structure, phase=phase or None, **mean))
    return make_table(rows)


def leave_agreement_out(note: str, measurement: Measurement) -> pd.DataFrame:
    """The rows of a cohort whose masks are not the generator's, without values.

    Parameters
    ----------
    note : str
        Why the masks say nothing about the generator (`whose_masks`).
    measurement : Measurement
        Generator, fold and seeds.
    """
    return make_table(
        measurement.not_measured(metric, note=note, structure=structure, phase=phase)
        for structure in STRUCTURES
        for phase in PHASES
        for metric in METRICS
    )


def whose_masks(meta: Mapping[str, Any]) -> str:
    """Whose masks a synthetic cohort has, where they are not its generator's; empty where they are.

    Masks by the study's own segmenter would agree with themselves, those of real subjects speak of their
    annotators. A folder's own masks count as its generator's, and so do those a model decoded.
    """
    if "labelled_by" in meta:
        return f"the masks are by {meta['labelled_by']}"
    if "real_dataset" in meta and "through" not in meta:
        return f"the masks are those of real subjects of {meta['real_dataset']}"
    return ""


def _agreements(
    subject: str,
    labels: np.ndarray,
    listed: Sequence[int],
    phases: Mapping[str, int],
    files: Mapping[int, Mapping[str, Path]],
    spacing_mm: tuple[float, float, float],
) -> Iterator[Row]:
    """Each structure of one subject: agreement at ED and ES, and mean Dice over frames where there are others."""
    predicted = read_predicted_frames(
        {frame: files[frame] for frame in listed if frame in files}, labels.shape[1:]
    )
    phases = {phase: frame for phase, frame in phases.items() if frame in predicted}
    for structure, label in STRUCTURES.items():
        about = {"subject": subject, "structure": structure}
        masks = {frame: (found == label, labels[frame] == label) for frame, found in predicted.items()}
        overlap = {frame: dice(*pair) for frame, pair in masks.items()}
        for phase, frame in phases.items():
            distance = hausdorff_distance(*masks[frame], spacing_mm, percentile=95)
            yield {**about, "phase": phase, METRICS[0]: overlap[frame], METRICS[1]: distance}
        if set(predicted) - set(phases.values()):
            known = [value for value in overlap.values() if not np.isnan(value)]
            yield {**about, "phase": _EVERY_FRAME, METRICS[0]: np.mean(known) if known else np.nan}


def _mean(values: np.ndarray, settings: EvaluationSettings) -> Row:
    """Mean over subjects with its percentile interval; none of a single subject."""
    if not len(values):
        return {
            "status": "not_measured",
            "n": 0,
            "note": "no subject has the structure in a mask of that phase",
        }
    row: Row = {"status": "ok", "n": len(values), "value": float(values.mean())}
    if len(values) > 1:
        row["ci_low"], row["ci_high"] = bootstrap_mean_interval(
            values, settings.replicates, settings.confidence, settings.seed
        )
        if row["ci_low"] == row["ci_high"]:  # such as a segmenter that finds nothing in any image
            row["note"] = NO_WIDTH
    return row
