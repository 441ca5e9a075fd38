"""Whether a teacher's own masks of real training cines pass quality control.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/teacher_masks.py results/few-labels teacher

Takes a study whose rule `label_training` has run, lets the trained segmenter label every frame of the training cines, and prints how
many cines pass, by diagnosis, and why the others do not.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from synthaug.config.study import load_study
from synthaug.core.artifacts import read_json
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.data.stored_nifti import read_voxels
from synthaug.synthesis.gate import inspect_sample
from synthaug.tasks import open_task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="folder of the study, of one fold")
    parser.add_argument("task", help="the teacher, a segmentation task")
    parser.add_argument("--cines", type=int, default=24, help="training cines at most")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results = arguments.results
    study = load_study(read_json(results / "configuration.json"))
    training = Cohort.open_all(sorted((results / "cohorts").iterdir()))
    training = training.select(
        subjects_of(read_split(results / "splits/fold-0.tsv"), "train")[: arguments.cines]
    )
    settings = study.tasks[arguments.task]
    run = (
        results
        / f"tasks/{arguments.task}/fold-0/arms/real/generator-seed-0/training-seed-{settings.training_seeds[0]}"
    )
    passed, seen, reasons = Counter[str](), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "predictions"
        open_task(settings.model_dump(mode="json")).predict(
            run / "model", training, folder, frames="all", threads=1, validation=run / "validation"
        )
        for subject in training.subjects:
            labels = read_voxels(folder / f"{subject}.nii.gz", np.uint8)
            found, _ = inspect_sample(
                training.cine(subject), labels, training.spacing_mm, study.synthesis.gate, training.view
            )
            diagnosis = str(training.table.loc[subject, "diagnosis"])
            seen[diagnosis] += 1
            passed[diagnosis] += not found
            reasons.update(found)
    print(f"{passed.total()} of {seen.total()} pass")
    for diagnosis in sorted(seen):
        print(f"{diagnosis} {passed[diagnosis]} of {seen[diagnosis]}")
    print("; ".join(f"{reason} {count}" for reason, count in reasons.most_common()))


if __name__ == "__main__":
    main()
