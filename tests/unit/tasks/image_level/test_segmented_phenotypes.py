"""A random forest that classifies by what a segmenter measures, on discs whose size is the class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from arm_cohorts import subjects_of_arm
from blob_cohorts import blob_cohort

from synthaug.core.artifacts import read_json, read_tsv, write_json
from synthaug.data.cohort import Cohort
from synthaug.data.nifti import write_nifti
from synthaug.measures.predicted_phenotypes import predicted_phenotypes
from synthaug.measures.recovery import recognised_diagnoses
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.tasks import open_task
from synthaug.tasks.image_level.segmented_phenotypes import predict_from_segmentation

FOREST = {"kind": "classification", "method": "random_forest", "arms": "real", "trees": 20, "patch": [4, 4]}


def segmented(folder: Path, cohort: Cohort, empty: bool = False) -> Path:
    """The bright disc as LV in every frame, or nothing at all."""
    folder.mkdir(parents=True)
    cases = []
    for subject in cohort.subjects:
        for frame, volume in enumerate(cohort.cine(subject)):
            mask = ((volume > 0.5) & (not empty)).astype(np.uint8)
            file = f"{subject}_f{frame:03d}.nii.gz"
            write_nifti(nib.Nifti1Image(mask.T, np.eye(4)), folder / file)
            cases.append({"subject": subject, "frame": frame, "file": file})
    write_json(folder / "predictions.json", {"cases": cases})
    return folder


def test_a_forest_classifies_by_what_a_segmenter_measures(tmp_path: Path) -> None:
    real = blob_cohort(tmp_path / "real", "real", 12)
    checked = blob_cohort(tmp_path / "checked", "checked", 3)
    made = blob_cohort(tmp_path / "made", "made", 6, "synthetic", ("DCM", "NOR", "NOR"))
    names = tuple(PHENOTYPES)
    measured = {
        cohort.name: predicted_phenotypes(segmented(tmp_path / f"s-{cohort.name}", cohort), cohort, names)
        for cohort in (real, checked)
    }
    arm = subjects_of_arm(real, checked, None)
    table = pd.concat(measured.values()).set_index("subject").loc[arm.real.subjects]
    arm = replace(arm, real=replace(arm.real, phenotypes=table))
    task = open_task(FOREST)
    task.plan(arm, tmp_path / "plan")
    task.write_training_set(arm, tmp_path / "plan", tmp_path / "set")
    task.train(tmp_path / "set", tmp_path / "model", tmp_path / "checkpoints", 0)
    predict_from_segmentation(tmp_path / "model", segmented(tmp_path / "s", made), made, tmp_path / "found")
    found = recognised_diagnoses(tmp_path / "found", made)
    assert list(found.found) == ["DCM", "NOR", "NOR"] * 2 == list(found.asked)
    assert set(read_json(tmp_path / "found" / "predictions.json")["seen"]) >= set(real.subjects)
    # Phenotypes of the user's own table are not the segmenter's: a forest that knows no others says the same of all.
    predict_from_segmentation(
        tmp_path / "model", tmp_path / "s", made, tmp_path / "own", own=tuple(PHENOTYPES)
    )
    assert read_tsv(tmp_path / "own" / "predictions.tsv", ("subject",))[["NOR", "DCM"]].nunique().max() == 1
    # A segmenter that finds nothing measures nothing, and the forest says the same of all.
    predict_from_segmentation(
        tmp_path / "model", segmented(tmp_path / "e", made, True), made, tmp_path / "none"
    )
    assert read_tsv(tmp_path / "none" / "predictions.tsv", ("subject",))[["NOR", "DCM"]].nunique().max() == 1
