"""Scores of predictions on a small cohort whose answers can be counted."""

from __future__ import annotations

import math
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from synthaug.core.artifacts import read_json, write_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.data.native_grid import NativeGrid, write_native
from synthaug.measures.measurement import Measurement
from synthaug.measures.scoring import predicted_volumes, read_predicted_frames, score_predictions

SPACING = (10.0, 2.0, 2.0)  # one voxel is 0.04 mL
SHAPE = (5, 16, 16)
MEASUREMENT = Measurement({"arm": "real", "fold": 0, "training_seed": 3})


def labels(lv: int, rv: bool = True) -> np.ndarray:
    """LV of lv x lv pixels on three slices, with a row of myocardium and one of RV beside it."""
    volume = np.zeros(SHAPE, np.uint8)
    volume[1:4, 4 : 4 + lv, 4 : 4 + lv] = 1
    volume[1:4, 3, 4:10] = 2
    volume[1:4, 2, 4:10] = 3 if rv else 0
    return volume


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    folder = tmp_path / "cohort"
    rows = []
    for subject in ("a", "b"):
        truth = {0: labels(6), 2: labels(4)}
        write_subject(folder / f"sub-{subject}", np.zeros((3, *SHAPE), np.float32), truth, SPACING)
        frames = {"ed_frame": 0, "es_frame": 2, "labelled_frames": "0,2", "n_frames": 3}
        rows.append({"subject": subject, "vendor": "X", "diagnosis": "NOR", "n_slices": 5, **frames})
    rows[1]["es_frame"] = None
    write_cohort(folder, "made", "real", rows, SPACING)
    return Cohort.open(folder)


def predict(folder: Path, frames: dict[tuple[str, int], np.ndarray]) -> Path:
    folder.mkdir()
    cases = []
    for (subject, frame), volume in frames.items():
        name = f"{subject}_f{frame}.nii.gz"
        nib.Nifti1Image(volume.T, np.diag([2.0, 2, 10, 1])).to_filename(folder / name)
        cases.append({"subject": subject, "frame": frame, "file": name})
    write_json(folder / "predictions.json", {"cases": cases})
    return folder


def value(
    rows: pd.DataFrame, metric: str, structure: str, phase: str | None = None, subject: str = "a"
) -> float:
    found = rows[(rows["metric"] == metric) & (rows["structure"] == structure) & (rows["subject"] == subject)]
    found = found[found["phase"] == phase] if phase else found
    assert len(found) == 1
    return float(found["value"].iloc[0])


def test_counts_and_errors(cohort: Cohort, tmp_path: Path) -> None:
    missed_slice = labels(6)
    missed_slice[1] = 0
    folder = predict(tmp_path / "p", {("a", 0): missed_slice, ("a", 2): labels(4), ("b", 0): labels(6)})
    rows = score_predictions(folder, cohort, MEASUREMENT)
    assert set(rows["status"]) == {"ok", "not_measured"}
    assert value(rows, "dice", "LV", "ED") == pytest.approx(4 / 5)
    assert value(rows, "hd", "LV", "ED") == 10
    assert value(rows, "dice", "LV", "ES") == 1
    assert value(rows, "assd", "LV", "ES") == 0
    assert value(rows, "edv_error_ml", "LV") == pytest.approx(-36 * 0.04)
    assert value(rows, "esv_error_ml", "LV") == 0
    assert value(rows, "mass_error_g", "MYO") == pytest.approx(-6 * 0.04 * 1.05)
    assert value(rows, "ef_error", "LV") == pytest.approx(100 * ((72 - 48) / 72 - (108 - 48) / 108))
    assert (rows["arm"] == "real").all() and (rows["training_seed"] == 3).all()
    # Subject b has no known ES frame: nothing is scored there, and nothing is said of its EF.
    of_b = rows[rows["subject"] == "b"]
    assert "ES" not in set(of_b[of_b["metric"] == "dice"]["phase"])
    assert set(of_b[of_b["metric"] == "ef_error"]["status"]) == {"not_measured"}


def test_a_file_of_all_frames_says_the_same_as_a_file_a_frame(cohort: Cohort, tmp_path: Path) -> None:
    frames = {
        (subject, frame): labels(side) for subject in ("a", "b") for frame, side in enumerate((6, 5, 4))
    }
    each, one = predict(tmp_path / "each", frames), tmp_path / "one"
    one.mkdir()
    cine = np.stack([labels(side) for side in (6, 5, 4)])
    for subject in ("a", "b"):
        nib.Nifti1Image(cine.T, np.diag([2.0, 2, 10, 1])).to_filename(one / f"{subject}.nii.gz")
    cases = [{"subject": subject, "frame": frame, "file": f"{subject}.nii.gz"} for subject, frame in frames]
    write_json(one / "predictions.json", {"cases": cases})
    for measure in (predicted_volumes, lambda folder, _: score_predictions(folder, cohort, MEASUREMENT)):
        pd.testing.assert_frame_equal(measure(one, cohort), measure(each, cohort))
    # ES is the frame of the smallest LV: 4 x 4 x 3 voxels of 0.04 mL.
    assert predicted_volumes(one, cohort)["lv_esv_ml"].tolist() == pytest.approx([1.92, 1.92])
    with pytest.raises(SynthaugError, match=r"one/a\.nii\.gz: is .*, its subject .*; predict it again"):
        read_predicted_frames({3: {"file": one / "a.nii.gz"}}, SHAPE)


def test_missed_false_and_absent_structures(cohort: Cohort, tmp_path: Path) -> None:
    folder = predict(tmp_path / "p", {("a", 0): labels(6, rv=False), ("b", 0): labels(6)})
    rows = score_predictions(folder, cohort, MEASUREMENT)
    diagonal = math.sqrt(50**2 + 32**2 + 32**2)
    of_a = rows[(rows["subject"] == "a") & rows["metric"].isin(["dice", "hd", "hd95", "assd"])]
    rv = of_a[(of_a["structure"] == "RV") & (of_a["phase"] == "ED")].set_index("metric")
    assert set(rv["status"]) == {"missing_prediction"}
    assert rv["value"].to_dict() == pytest.approx(
        {"dice": 0, "hd": diagonal, "hd95": diagonal, "assd": diagonal}
    )
    es = of_a[of_a["phase"] == "ES"]  # not predicted at all
    assert set(es["status"]) == {"missing_prediction"} and es["note"].str.contains("not predicted").all()
    assert (es[es["metric"] == "dice"]["value"] == 0).all()
    assert value(rows, "edv_error_ml", "RV") == pytest.approx(-18 * 0.04)


def test_a_frame_without_prediction_has_no_calibration_and_says_so(cohort: Cohort, tmp_path: Path) -> None:
    folder = predict(tmp_path / "p", {("a", 0): labels(6), ("b", 0): labels(6)})
    assert "ece" not in set(score_predictions(folder, cohort, MEASUREMENT)["metric"])  # measured by nobody
    content = read_json(folder / "predictions.json")
    content["cases"][0]["ece"], content["cases"][1]["ece"] = 0.125, None
    write_json(folder / "predictions.json", content)
    rows = score_predictions(folder, cohort, MEASUREMENT)
    found = rows[rows["metric"] == "ece"].set_index(["subject", "phase"])
    assert found.loc[("a", "ED"), "value"] == 0.125 and len(found) == 3
    assert found.loc[("a", "ES"), ["status", "note"]].tolist() == [
        "not_measured",
        "the frame was not predicted",
    ]
    assert found.loc[("b", "ED"), "note"] == "neither prediction nor reference has foreground"


def test_structure_that_only_the_prediction_has(tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    write_subject(folder / "sub-a", np.zeros((1, *SHAPE), np.float32), {0: labels(6, rv=False)}, SPACING)
    row = {"subject": "a", "ed_frame": 0, "labelled_frames": "0"}
    write_cohort(folder, "made", "real", [row], SPACING)
    both = score_predictions(
        predict(tmp_path / "p", {("a", 0): labels(6, rv=False)}), Cohort.open(folder), MEASUREMENT
    )
    false = score_predictions(
        predict(tmp_path / "q", {("a", 0): labels(6)}), Cohort.open(folder), MEASUREMENT
    )
    both, false = (rows[(rows["structure"] == "RV") & (rows["metric"] == "hd")] for rows in (both, false))
    assert both["status"].tolist() == ["empty_both"] and both["value"].isna().all()
    assert false["status"].tolist() == ["missing_reference"] and false["value"].iloc[0] > 60


def write_native_subject(folder: Path, window: int) -> tuple[Cohort, np.ndarray]:
    """A subject of 16 x 16 native pixels whose window shows `window` of the 16 columns, in voxels of half the size."""
    truth = labels(6)
    grid = NativeGrid(SHAPE, SPACING, (0.0, -0.25, -0.25), (1.0, 0.5, 0.5), {})
    shown = truth.repeat(2, axis=1).repeat(2, axis=2)[:, :, : 2 * window]
    place = folder / "sub-a"
    write_subject(place, np.zeros((1, *shown.shape), np.float32), {0: shown}, (10.0, 1.0, 1.0))
    write_native(place, grid, {0: truth})
    row = {"subject": "a", "ed_frame": 0, "labelled_frames": "0", "vendor": "X", "diagnosis": "NOR"}
    write_cohort(folder, "made", "real", [row], (10.0, 1.0, 1.0))
    return Cohort.open(folder), shown


def test_scores_are_of_the_grid_a_patient_was_imaged_on(tmp_path: Path) -> None:
    """Perfect where the window reaches: columns 4 and 5 of the LV's 6 (4 to 9) in it, four missed."""
    cohort, shown = write_native_subject(tmp_path / "cohort", window=6)
    rows = score_predictions(predict(tmp_path / "p", {("a", 0): shown}), cohort, MEASUREMENT)
    assert value(rows, "dice_grid", "LV", "ED") == 1 and value(rows, "hd95_grid", "LV", "ED") == 0
    assert value(rows, "dice", "LV", "ED") == pytest.approx(2 * 2 / (2 + 6))
    assert value(rows, "dice_ceiling", "LV", "ED") == pytest.approx(2 * 2 / (2 + 6))
    assert value(rows, "hd", "LV", "ED") == 4 * 2.0
    assert value(rows, "edv_error_ml", "LV") == pytest.approx(-(108 - 36) * 0.04)
    assert value(rows, "nsd", "LV", "ED") < 1
    whole, seen = write_native_subject(tmp_path / "whole", window=16)
    rows = score_predictions(predict(tmp_path / "q", {("a", 0): seen}), whole, MEASUREMENT)
    for metric, perfect in (("dice", 1), ("dice_ceiling", 1), ("hd", 0), ("nsd", 1), ("edv_error_ml", 0)):
        found = rows[(rows["metric"] == metric) & (rows["structure"] == "LV")]["value"]
        assert found.tolist() == pytest.approx([perfect]), metric


def test_native_predictions_of_the_segmenter_are_preferred(tmp_path: Path) -> None:
    cohort, shown = write_native_subject(tmp_path / "cohort", window=16)
    folder = predict(tmp_path / "p", {("a", 0): shown})
    better = np.zeros(SHAPE, np.uint8)
    nib.Nifti1Image(better.T, np.eye(4)).to_filename(folder / "a_f0_native.nii.gz")
    cases = [{"subject": "a", "frame": 0, "file": "a_f0.nii.gz", "native": "a_f0_native.nii.gz"}]
    write_json(folder / "predictions.json", {"cases": cases})
    rows = score_predictions(folder, cohort, MEASUREMENT)
    assert value(rows, "dice", "LV", "ED") == 0 and value(rows, "dice_grid", "LV", "ED") == 1


def test_another_grid_is_refused(cohort: Cohort, tmp_path: Path) -> None:
    folder = predict(tmp_path / "p", {("a", 0): np.zeros((5, 16, 15), np.uint8)})
    with pytest.raises(SynthaugError, match=r"a_f0\.nii\.gz.*predict it again"):
        score_predictions(folder, cohort, MEASUREMENT)


def test_predicted_volumes(cohort: Cohort, tmp_path: Path) -> None:
    frames = {("a", 0): labels(6), ("a", 1): labels(2), ("a", 2): labels(4)}
    frames |= {("b", frame): volume for (_, frame), volume in frames.items()}
    volumes = predicted_volumes(predict(tmp_path / "p", frames), cohort).set_index("subject")
    assert volumes.loc["a", "lv_edv_ml"] == pytest.approx(108 * 0.04)
    # The smallest of frames 0, 1 and 2, although the table of "a" names frame 2.
    assert volumes["lv_esv_ml"].tolist() == pytest.approx([12 * 0.04] * 2)
    assert volumes.loc["a", "lv_ef"] == pytest.approx(100 * 96 / 108)
