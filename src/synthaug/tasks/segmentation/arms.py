"""Arms as nnU-Net datasets: real, synthetic, and their controls."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from synthaug.config.arms import Damage
from synthaug.core.artifacts import atomic_folder, sha256_file, write_json, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.splits import share_of_subjects
from synthaug.labels import BACKGROUND, STRUCTURES
from synthaug.tasks.segmentation.cases import (
    Frames,
    case_name,
    labelled_frames_of,
    read_cases,
    read_volume,
    write_volume,
)
from synthaug.tasks.segmentation.classical import augment
from synthaug.tasks.segmentation.damage import Breaker, breaker, intact
from synthaug.tasks.segmentation.sampling import RECORD, UNIFORM, Sampling

#: Kinds of copies of real cases.
Copies = Literal["repeated", "classical"]


def write_raw_dataset(
    folder: str | Path,
    real: Cohort | None,
    validation: Cohort,
    synthetic: Cohort | None = None,
    control: Copies | None = None,
    n_extra_cases: int = 0,
    frames: Frames = "ed_es",
    held_out: Collection[str] = (),
    seed: int = 0,
    further: Cohort | None = None,
    damage: Damage = "none",
    sampling: Sampling = UNIFORM,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write one arm as an nnU-Net dataset, atomically.

    Parameters
    ----------
    folder : path
        Receives ``imagesTr``, ``labelsTr``, ``dataset.json``, ``splits_final.json`` (one split,
        validation on real patients only), ``cases.tsv`` (case, subject, frame, source, role and
        the hashes of its files) and ``arm.json`` (sampling, damage, facts).
    real : Cohort or None
        Real training patients: their labelled ED and ES frames. None for a synthetic-only arm.
    validation : Cohort
        Real validation patients.
    synthetic : Cohort, optional
        Synthetic subjects to add.
    control : {"repeated", "classical"}, optional
        Add `n_extra_cases` copies of real cases instead: byte-identical, or classically augmented.
        All cases of a patient are copied before the next patient's, in an order drawn from `seed`,
        and every patient once before any patient twice.
    n_extra_cases : int
        Size of a control: the number of synthetic cases in the arm it controls.
    frames : {"ed_es", "all"}
        Labelled frames of synthetic subjects that become cases.
    held_out : collection of str
        Ids of the patients that will be tested.
    seed : int
        Seed of the controls' order and augmentation, and of the damage.
    further : Cohort, optional
        Real patients to add in the place of synthetic ones: a ceiling.
    damage : {"none", "labels", "images"}
        What is broken in the synthetic cases; see `synthaug.tasks.segmentation.damage`.
    sampling : Sampling
        How cases are drawn; recorded for the training.
    facts : mapping, optional
        What else the arm's record shall say.

    Raises
    ------
    SynthaugError
        Nothing to train or validate on; a patient is on both sides; the generator saw a patient
        that validates or is tested; cohorts of different spacing; a black frame; labels that are
        not canonical.
    """
    if (control or further is not None) and (real is None or synthetic is not None):
        raise ValueError("a control is made of real patients only; give real and no synthetic cohort")
    for patients in (real, further):
        _refuse_leaks(patients, validation, synthetic, held_out)
    for cohort in (real, synthetic, further):
        if cohort is not None and cohort.spacing_mm != validation.spacing_mm:
            raise SynthaugError(
                f"{cohort.name}: spacing {cohort.spacing_mm} mm differs from {validation.name}'s "
                f"{validation.spacing_mm}; harmonise both alike"
            )
    with atomic_folder(folder) as output:
        rows: list[dict[str, Any]] = []
        if real is not None:
            rows += _write_cohort(output, real, "real", "train", "ed_es")
        if control and real is not None:
            rows += _write_control(output, rows, real.spacing_mm, control, n_extra_cases, seed)
        if further is not None:
            rows += _write_cohort(output, further, "extra-real", "train", "ed_es")
        if synthetic is not None:
            breaking = breaker(synthetic, frames, damage, seed)
            rows += _write_cohort(output, synthetic, "synthetic", "train", frames, breaking)
        training = len(rows)
        rows += _write_cohort(output, validation, "real", "validation", "ed_es")
        if not training or training == len(rows):
            part = "validation" if training else "training"
            raise SynthaugError(
                f"{folder}: no labelled {part} case; see the split and the cohort's labelled_frames"
            )
        table = pd.DataFrame(rows)
        write_tsv(output / "cases.tsv", table)
        _write_descriptions(output, table)
        counts = Counter(row["source"] for row in rows[:training])
        record = {"sampling": asdict(sampling), "damage": damage, **(facts or {})}
        record["expected_real_share"] = sampling.expected_real_share(counts)
        write_json(output / RECORD, record)


def select_synthetic(synthetic: Cohort, dose: float, n_real: int, refused: Collection[str] = ()) -> Cohort:
    """The first synthetic subjects that a dose asks for, so that a larger dose contains a smaller one.

    Parameters
    ----------
    synthetic : Cohort
        All accepted synthetic subjects.
    dose : float
        Synthetic subjects per real patient.
    n_real : int
        Real patients of the arm, or of the fold where the arm has none.
    refused : collection of str
        Subjects that are not taken: copies of training patients (`synthaug.measures.memorisation.copies.refused_copies`).

    Raises
    ------
    SynthaugError
        The cohort has fewer subjects than the dose asks for, or some of them have no labels.
    """
    count = max(1, round(dose * n_real))
    subjects = [subject for subject in synthetic.subjects if subject not in set(refused)]
    if count > len(subjects):
        without = f" after {len(synthetic.subjects) - len(subjects)} copies were left out" if refused else ""
        raise SynthaugError(
            f"{synthetic.name}: dose {dose:g} of {n_real} real patients asks for {count} synthetic subjects, "
            f"there are {len(subjects)}{without}; synthesise more or lower the dose"
        )
    chosen = synthetic.select(subjects[:count])
    bare = [subject for subject in chosen.subjects if not chosen.labelled_frames(subject)]
    if bare:
        raise SynthaugError(
            f"{synthetic.name}: {len(bare)} of {count} synthetic subjects have no labels, the first is {bare[0]}; "
            "list labelled_frames, or set labels: pseudo for the generator to have a segmenter label them"
        )
    return chosen


def select_further(fold: Cohort, real: Cohort, dose: float, seed: int, arm: str) -> Cohort:
    """As many real patients that an arm leaves out as its dose asks for.

    Parameters
    ----------
    fold : Cohort
        Real labelled training patients of the fold.
    real : Cohort
        Those of them that are in the arm.
    dose : float
        Further patients per patient of the arm.
    seed : int
        Seed of the stratified order in which they are taken.
    arm : str
        Name of the arm, for the message.

    Raises
    ------
    SynthaugError
        Fewer are left.
    """
    rest = fold.select([subject for subject in fold.subjects if subject not in set(real.subjects)])
    count = max(1, round(dose * len(real.subjects)))
    if count > len(rest.subjects):
        raise SynthaugError(
            f"arms.{arm}: control extra-real asks for {count} further real patients (dose {dose:g} of "
            f"{len(real.subjects)}), {len(rest.subjects)} are left; lower dose or real, or leave it out"
        )
    return share_of_subjects(rest, count / len(rest.subjects), seed, f"arms.{arm}.dose")


def count_cases(dataset: str | Path, source: str) -> int:
    """Training cases of one source (``"synthetic"``: the size of the controls) in a dataset."""
    cases = read_cases(dataset)
    return int(((cases["source"] == source) & (cases["role"] == "train")).sum())


def _refuse_leaks(
    real: Cohort | None, validation: Cohort, synthetic: Cohort | None, held_out: Collection[str]
) -> None:
    forbidden = {**dict.fromkeys(held_out, "tested"), **dict.fromkeys(validation.subjects, "validated")}
    if real is not None:
        for subject in real.subjects:
            if subject in forbidden:
                raise SynthaugError(f"{subject}: is trained on and {forbidden[subject]}; mend the split")
    if synthetic is not None:
        for subject in synthetic.meta.get("seen", ()):
            if subject in forbidden:
                raise SynthaugError(
                    f"{synthetic.name}: its generator saw {subject}, which is {forbidden[subject]}; "
                    "train it on this fold's training patients only"
                )


def _write_cohort(
    output: Path, cohort: Cohort, source: str, role: str, frames: Frames, breaking: Breaker = intact
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
            image, mask = breaking(subject, frame, cine[frame], labels[frame])
            _write_case(output, case, image, mask, cohort.spacing_mm)
            rows.append(_row(output, case, subject, frame, source, role))
    return rows


def _write_control(
    output: Path,
    real: list[dict[str, Any]],
    spacing_mm: tuple[float, float, float],
    control: Copies,
    count: int,
    seed: int,
) -> list[dict[str, Any]]:
    rows = []
    for number, (repetition, row) in zip(range(count), _copies(real, seed), strict=False):
        case = f"{row['case']}_{control}{repetition}"
        for file, copy in zip(_files(output, row["case"]), _files(output, case), strict=True):
            if control == "repeated":
                shutil.copyfile(file, copy)
        if control == "classical":
            image, labels = (read_volume(file) for file in _files(output, row["case"]))
            image, labels = augment(image, labels, np.random.default_rng([seed, number]))
            _write_case(output, case, image, labels, spacing_mm)
        rows.append(_row(output, case, row["subject"], row["frame"], control, "train"))
    return rows


def _copies(rows: list[dict[str, Any]], seed: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Real cases over and over, patients shuffled once, a patient's frames together."""
    subjects = sorted({row["subject"] for row in rows})
    order = {subject: rank for rank, subject in enumerate(np.random.default_rng(seed).permutation(subjects))}
    ordered = sorted(rows, key=lambda row: (order[row["subject"]], row["frame"]))
    repetition = 0
    while ordered:
        repetition += 1
        yield from ((repetition, row) for row in ordered)


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


def _write_descriptions(output: Path, table: pd.DataFrame) -> None:
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
