"""An arm's training subjects as nnU-Net's raw dataset: one case a labelled frame."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.core.artifacts import atomic_folder, sha256_file, write_json, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.labels import BACKGROUND, STRUCTURES
from synthaug.tasks.classical_augmentation import augment
from synthaug.tasks.segmentation.cases import (
    RECORD,
    Frames,
    case_name,
    labelled_frames_of,
    read_volume,
    write_volume,
)
from synthaug.tasks.segmentation.corruption import Corrupt, corrupt_cases, uncorrupted
from synthaug.tasks.training_subjects import TrainingSubjects


def write_raw_dataset(folder: str | Path, training: TrainingSubjects, frames: Frames = "ed_es") -> None:
    """Write the training subjects of an arm as an nnU-Net dataset, atomically.

    Parameters
    ----------
    folder : path
        Receives ``imagesTr``, ``labelsTr``, ``dataset.json``, ``splits_final.json`` (one split,
        validation on real patients only), ``cases.tsv`` (case, subject, frame, source, role and
        the hashes of its files) and ``arm.json`` (the arm's record and how its cases are drawn).
    training : TrainingSubjects
        The arm. Of real patients the labelled ED and ES frames are cases. Copies are counted in cases: a
        size-matched control has as many copied cases as the subjects that it matches would give.
    frames : {"ed_es", "all"}
        Labelled frames of synthetic subjects that become cases.

    Raises
    ------
    SynthaugError
        Nothing to train or validate on; synthetic subjects without labels or a case; a black frame; labels that are not canonical.
    """
    matched, synthetic = (training.cohort(role, "synthetic") for role in ("matched", "train"))
    for cohort in (matched, synthetic):
        _refuse_unlabelled(cohort)
    n_matched = sum(len(labelled_frames_of(matched, subject, frames)) for subject in matched.subjects)
    corrupt = corrupt_cases(synthetic, frames, training.record["corruption"], training.seed)
    with atomic_folder(folder) as output:
        rows = _write_cohort(output, training.cohort("train", "real"), "real", "train", "ed_es")
        if training.copies:
            rows += _write_copies(output, rows, training, n_matched)
        rows += _write_cohort(output, training.cohort("train", "extra-real"), "extra-real", "train", "ed_es")
        made = _write_cohort(output, synthetic, "synthetic", "train", frames, corrupt)
        if synthetic.subjects and not made:
            raise SynthaugError(
                f"{synthetic.name}: no synthetic subject has a mask at ED or ES, so that the arm would be of real patients alone; "
                "set frames: all of the task, or labels: pseudo of the generator"
            )
        rows += made
        n_training = len(rows)
        rows += _write_cohort(output, training.cohort("validation", "real"), "real", "validation", "ed_es")
        if not n_training or n_training == len(rows):
            part = "validation" if n_training else "training"
            raise SynthaugError(
                f"{folder}: no labelled {part} case; see the split and the cohort's labelled_frames"
            )
        table = pd.DataFrame(rows)
        write_tsv(output / "cases.tsv", table)
        write_descriptions(output, table)
        counts = Counter(row["source"] for row in rows[:n_training])
        sampling = training.sampling(counts, n_matched)
        kept = {key: value for key, value in training.record.items() if key != "matched_sampling"}
        record = {**kept, "sampling": asdict(sampling)}
        record["expected_real_share"] = sampling.expected_real_share(counts)
        write_json(output / RECORD, record)


def _refuse_unlabelled(synthetic: Cohort) -> None:
    unlabelled = [subject for subject in synthetic.subjects if not synthetic.labelled_frames(subject)]
    if unlabelled:
        raise SynthaugError(
            f"{synthetic.name}: {len(unlabelled)} of {len(synthetic.subjects)} synthetic subjects have no labels, the first "
            f"is {unlabelled[0]}; list labelled_frames, or set labels: pseudo for the generator to have a segmenter label them"
        )


def _write_cohort(
    output: Path, cohort: Cohort, source: str, role: str, frames: Frames, corrupt: Corrupt = uncorrupted
) -> list[dict[str, Any]]:
    rows = []
    for subject in cohort.subjects:
        chosen = labelled_frames_of(cohort, subject, frames)
        if not chosen:
            continue
        cine, labels = cohort.cine(subject), cohort.label_cine(subject)
        for frame in chosen:
            if labels[frame].max() > max(STRUCTURES.values()):
                raise SynthaugError(
                    f"{cohort.folders[subject] / 'labels.nii.gz'}: frame {frame}, listed as labelled, "
                    f"has label {labels[frame].max()}; harmonise the cohort again"
                )
            if not cine[frame].any():
                raise SynthaugError(
                    f"{cohort.folders[subject] / 'cine.nii.gz'}: frame {frame} is black; "
                    "leave the subject out or make it again"
                )
            case = case_name(subject, frame)
            image, mask = corrupt(subject, frame, cine[frame], labels[frame])
            _write_case(output, case, image, mask, cohort.spacing_mm)
            rows.append(_row(output, case, subject, frame, source, role))
    return rows


def _write_copies(
    output: Path, real: list[dict[str, Any]], training: TrainingSubjects, count: int
) -> list[dict[str, Any]]:
    """As many copies of real cases, byte-identical or classically augmented; a patient's frames together."""
    cases: dict[str, list[dict[str, Any]]] = {}
    for row in real:
        cases.setdefault(row["subject"], []).append(row)
    source = str(training.copies)
    sizes = {subject: len(own) for subject, own in cases.items()}
    rows: list[dict[str, Any]] = []
    for number, subject, part in training.copies_to_size(sizes, count):
        for row in cases[subject][:part]:
            case = f"{row['case']}_{source}{number}"
            files = _files(output, row["case"])
            if source == "repeated":
                for file, copy in zip(files, _files(output, case), strict=True):
                    shutil.copyfile(file, copy)
            else:
                image, labels = (read_volume(file) for file in files)
                image, labels = augment(image, labels, np.random.default_rng([training.seed, len(rows)]))
                _write_case(output, case, image, labels, training.real.spacing_mm)
            rows.append(_row(output, case, subject, row["frame"], source, "train"))
    return rows


def _files(output: Path, case: str) -> tuple[Path, Path]:
    # nnU-Net numbers channels; there is one.
    return output / "imagesTr" / f"{case}_0000.nii.gz", output / "labelsTr" / f"{case}.nii.gz"


def _write_case(
    output: Path, case: str, image: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float, float]
) -> None:
    image_file, label_file = _files(output, case)
    write_volume(image_file, image.astype(np.float32), spacing_mm)
    write_volume(label_file, labels.astype(np.uint8), spacing_mm)


def _row(output: Path, case: str, subject: str, frame: int, source: str, role: str) -> dict[str, Any]:
    image_file, label_file = _files(output, case)
    return {
        "case": case,
        "subject": subject,
        "frame": frame,
        "source": source,
        "role": role,
        "image_sha256": sha256_file(image_file),
        "labels_sha256": sha256_file(label_file),
    }


def write_descriptions(output: Path, table: pd.DataFrame) -> None:
    """Write nnU-Net's description of a dataset, and its split, beside the cases of a table (``case``, ``role``)."""
    training = table["role"] == "train"
    files = {case: [str(file.relative_to(output)) for file in _files(output, case)] for case in table["case"]}
    write_json(
        output / "dataset.json",
        {
            "channel_names": {"0": "cine MRI"},  # any name but CT: intensities are z-scored case by case
            "labels": {"background": BACKGROUND, **STRUCTURES},
            "numTraining": int(training.sum()),
            "file_ending": ".nii.gz",
            "overwrite_image_reader_writer": "SimpleITKIO",
            "dataset": {
                case: {"images": [image], "label": labels} for case, (image, labels) in files.items()
            },
        },
    )
    split = {"train": list(table.loc[training, "case"]), "val": list(table.loc[~training, "case"])}
    (output / "splits_final.json").write_text(json.dumps([split], indent=2) + "\n", encoding="utf-8")
