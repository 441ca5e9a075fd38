"""Masks and images: agreement counted by hand, and when it may not be counted."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from made_hearts import ES, FRAMES, SPACING

from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import write_json
from synthaug.data.cohort import REQUESTED_LABELS, Cohort, write_cohort, write_subject
from synthaug.labels import UNLABELLED
from synthaug.measures.mask_agreement import (
    REAL,
    agreement_by_diagnosis,
    agreement_of_subjects,
    leave_agreement_out,
    measure_mask_agreement,
    measure_requested_masks,
    unseen_diagnoses,
    whose_masks,
)
from synthaug.measures.measurement import Measurement
from synthaug.tasks.segmentation.cases import case_name, write_volume

MEASUREMENT = Measurement(
    {"generator": "cascade", "fold": 0, "generator_seed": 1, "versus": "segmenter"},
    EvaluationSettings(replicates=200),
)


def square(width: int, label: int = 1) -> np.ndarray:
    """One slice with `width` x 4 voxels of a label."""
    labels = np.zeros((1, 8, 8), np.uint8)
    labels[0, :4, :width] = label
    return labels


@pytest.fixture
def study(tmp_path):
    """Writes subjects by name, each a list of (own mask, segmenter's mask) a frame."""

    def write(subjects, kept=range(FRAMES), **meta):
        rows, cases = [], []
        for name, frames in subjects.items():
            cine = np.zeros((FRAMES, 1, 8, 8), np.float32)
            masks = {frame: frames[frame][0] for frame in kept}
            write_subject(tmp_path / "cohort" / f"sub-{name}", cine, masks, SPACING)
            listed = ",".join(map(str, kept))
            rows.append({"subject": name, "ed_frame": 0, "es_frame": ES, "labelled_frames": listed})
            for frame, (_, found) in enumerate(frames):
                file = f"{case_name(name, frame)}.nii.gz"
                write_volume(tmp_path / file, found, SPACING)
                cases.append({"subject": name, "frame": frame, "file": file})
        write_cohort(tmp_path / "cohort", "made", "synthetic", rows, SPACING, **meta)
        write_json(tmp_path / "predictions.json", {"cases": cases})
        return tmp_path, Cohort.open(tmp_path / "cohort")

    return write


def by_place(rows):
    """Dice rows by structure and phase, every frame's without a phase."""
    own = rows[rows["metric"].str.startswith("mask_agreement_dice")]
    return own.fillna({"phase": ""}).set_index(["structure", "phase"])


def test_dice_by_hand(study):
    full, half = square(4), square(2)
    # Of 16 and 8 voxels 8 are shared: 2 * 8 / 24. ED agrees, ES is half, the other two frames agree.
    one = [(full, full), (full, full), (full, half), (full, full)]
    other = [(full, full), (full, full), (full, full), (full, full)]
    rows = measure_mask_agreement(*study({"a": one, "b": other}), MEASUREMENT)
    dice = by_place(rows)
    assert dice.loc[("LV", "ED"), "value"] == 1
    assert dice.loc[("LV", "ES"), "value"] == pytest.approx((2 / 3 + 1) / 2)
    assert dice.loc[("LV", ""), "value"] == pytest.approx(((3 + 2 / 3) / 4 + 1) / 2)
    assert dice.loc[("LV", "ES"), "ci_low"] == pytest.approx(2 / 3) and set(dice.loc["LV", "n"]) == {2}
    # Both subjects agree at ED: 1 to 1 is no certainty.
    assert dice.loc[("LV", "ED"), "ci_low"] == dice.loc[("LV", "ED"), "ci_high"] == 1
    assert "no width" in dice.loc[("LV", "ED"), "note"] and "no width" not in str(
        dice.loc[("LV", "ES"), "note"]
    )
    assert set(rows["generator"]) == {"cascade"}


def test_distance_by_hand(study):
    # The farthest column of the wider mask is two columns of 1.5 mm from the narrower one.
    rows = measure_mask_agreement(*study({"a": [(square(4), square(2))] * FRAMES}), MEASUREMENT)
    hd95 = rows[(rows["metric"] == "mask_agreement_hd95") & (rows["structure"] == "LV")]
    assert hd95["value"].to_list() == pytest.approx([3.0, 3.0]) and hd95["phase"].to_list() == ["ED", "ES"]
    assert hd95["ci_low"].isna().all()  # of one subject there is no interval


def test_a_structure_that_one_mask_lacks_counts_and_one_that_both_lack_does_not(study):
    invented = [(square(4), square(4, label=3))] * FRAMES
    dice = by_place(measure_mask_agreement(*study({"a": invented}), MEASUREMENT))
    assert dice.loc[("LV", "ED"), "value"] == 0 and dice.loc[("RV", "ED"), "value"] == 0
    assert dice.loc[("MYO", "ED"), "status"] == "not_measured" and dice.loc[("MYO", "ED"), "n"] == 0


def test_real_patients_have_rows_of_their_own_and_only_where_they_have_labels(study):
    frames = [(square(4), square(4))] * FRAMES
    rows = measure_mask_agreement(*study({"a": frames, "b": frames}, kept=(0, ES)), MEASUREMENT, of=REAL)
    assert set(rows["metric"]) == {"mask_agreement_dice_real", "mask_agreement_hd95_real"}
    assert set(rows["phase"]) == {"ED", "ES"}


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ({}, ""),
        ({"labelled_by": "a segmenter"}, "the masks are by a segmenter"),
        ({"real_dataset": "acdc"}, "the masks are those of real subjects of acdc"),
        ({"real_dataset": "acdc", "through": "vae"}, ""),
    ],
)
def test_masks_that_are_not_the_generators_are_not_measured(meta, said):
    assert whose_masks(meta) == said
    rows = leave_agreement_out(said, MEASUREMENT)
    assert set(rows["status"]) == {"not_measured"} and set(rows["note"]) == {said}
    assert len(rows) == 3 * 2 * 2 and rows["value"].isna().all()


# --- by diagnosis -------------------------------------------------------------------------------


def test_each_diagnosis_has_its_own_mean_and_says_who_trained_the_segmenter(study):
    agree, differ = [(square(4), square(4))] * FRAMES, [(square(4), square(2))] * FRAMES
    subjects = agreement_of_subjects(*study({"a": agree, "b": agree, "c": differ, "d": differ}))
    # d has no diagnosis: it counts in none.
    rows = agreement_by_diagnosis(subjects, {"a": "DCM", "b": "DCM", "c": "HCM"}, {"DCM": 7}, MEASUREMENT)
    dice = rows[
        (rows["metric"] == "mask_agreement_dice") & (rows["structure"] == "LV") & rows["phase"].isna()
    ]
    dice = dice.set_index("diagnosis")
    assert dice.loc["DCM", "value"] == 1 and dice.loc["DCM", "n"] == 2
    assert dice.loc["HCM", "value"] == pytest.approx(2 / 3) and dice.loc["HCM", "n"] == 1
    assert "patients of this diagnosis: 7" in dice.loc["DCM", "note"]
    assert "patients of this diagnosis: 0" in dice.loc["HCM", "note"]
    assert agreement_by_diagnosis(subjects, {"a": "DCM", "b": "DCM"}, {}, MEASUREMENT).empty


def test_subjects_of_diagnoses_that_nobody_labelled_are_counted():
    diagnoses = {"a": "DCM", "b": "NOR", "c": "HCM", "d": "HCM"}
    assert (
        unseen_diagnoses(diagnoses, {"DCM": 7, "NOR": 0})
        == "3 of 4 subjects have a diagnosis without labelled training patients: HCM, NOR"
    )
    assert unseen_diagnoses({"a": "DCM"}, {"DCM": 1}) == unseen_diagnoses({}, {}) == ""


# --- requested masks ----------------------------------------------------------------------------


def test_the_masks_asked_for_are_compared_with_the_segmenters_not_with_the_generators(study):
    full, half = square(4), square(2)
    root, cohort = study({name: [(full, full)] * FRAMES for name in "abc"})
    for name, asked in (("a", {0: half, ES: full}), ("b", {0: full})):
        volume = write_requested(root / "cohort" / f"sub-{name}", asked)
        assert np.array_equal(cohort.requested_label_cine(name), volume)
    rows = measure_requested_masks(root, cohort, MEASUREMENT)
    dice = rows[rows["metric"] == "requested_mask_dice"].set_index(["structure", "phase"])
    assert (
        dice.loc[("LV", "ED"), "value"] == pytest.approx((2 / 3 + 1) / 2) and dice.loc[("LV", "ED"), "n"] == 2
    )
    assert dice.loc[("LV", "ES"), "value"] == 1 and dice.loc[("LV", "ES"), "n"] == 1
    assert dice.loc[("LV", "ED"), "note"] == "1 of 3 subjects were made without masks"
    hd95 = rows[rows["metric"] == "requested_mask_hd95"].set_index(["structure", "phase"])
    assert hd95.loc[("LV", "ED"), "value"] == pytest.approx(1.5)  # 3 mm in one subject, 0 in the other
    assert dice.loc[("RV", "ED"), "status"] == "not_measured"


def test_without_requested_masks_there_are_no_rows(study):
    assert measure_requested_masks(*study({"a": [(square(4), square(4))] * FRAMES}), MEASUREMENT).empty


def write_requested(folder, masks):
    """Requested masks beside a synthetic subject, as synthesis writes them."""
    shape = next(iter(masks.values())).shape
    volume = np.full((FRAMES, *shape), UNLABELLED, np.uint8)
    for frame, mask in masks.items():
        volume[frame] = mask
    nib.save(nib.Nifti1Image(volume.T, np.eye(4)), folder / REQUESTED_LABELS)
    return volume
