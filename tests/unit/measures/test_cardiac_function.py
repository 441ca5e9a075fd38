"""Function of synthetic hearts beside real ones, on rings whose volumes and walls are known."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.config.evaluation import EvaluationSettings
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.data.native_grid import NativeGrid, write_native
from synthaug.labels import LV, MYO, RV
from synthaug.measures.cardiac_function import QUANTITIES, function_of, measure_cardiac_function
from synthaug.measures.function_errors import function_errors, wall_errors
from synthaug.measures.measurement import Measurement

SPACING = (10.0, 1.0, 1.0)
SHAPE = (6, 48, 48)
VOXEL_ML = 0.01
SETTINGS = EvaluationSettings(replicates=200)


def ring(inner: float, outer: float, rv: bool = True) -> np.ndarray:
    """Labels (z, y, x): a round cavity and its wall, the right ventricle to the left of it."""
    _, y, x = np.ogrid[tuple(slice(n) for n in SHAPE)]
    radius = np.hypot(y - 23.5, x - 27.5) + np.zeros(SHAPE)
    labels = np.zeros(SHAPE, np.uint8)
    if rv:
        labels[(np.hypot(y - 23.5, x - 10) < 10) & (radius >= outer)] = RV
    labels[radius < outer] = MYO
    labels[radius < inner] = LV
    return labels


def area(radius: float) -> int:
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    return int((np.hypot(y - 23.5, x - 27.5) < radius).sum())


def test_quantities_of_one_heart():
    # Radius 10 at ED, 6 at ES; wall 6 and 10 mm; four frames, all labelled.
    cine = np.stack([ring(10, 16), ring(8, 16), ring(6, 16), ring(8, 16)])
    found = function_of(cine, SPACING, range(4), 0, 2)
    assert set(found) == set(QUANTITIES)
    edv, esv = (SHAPE[0] * VOXEL_ML * area(radius) for radius in (10, 6))
    assert found["function_lv_edv_ml"] == pytest.approx(edv)
    assert found["function_lv_sv_ml"] == pytest.approx(edv - esv)
    assert found["function_lv_ef"] == pytest.approx(100 * (1 - esv / edv))
    assert found["function_wall_thickness_mm"] == pytest.approx(6, abs=0.3)
    assert found["function_wall_thickening"] == pytest.approx(100 * 4 / 6, abs=6)
    # The curve's one harmonic that four frames leave has amplitude (EDV - ESV) / 2: 2 pi / beat times that.
    rate = np.pi * (1 - esv / edv)
    assert found["function_peak_ejection_rate"] == pytest.approx(rate, rel=0.01)
    assert found["function_peak_filling_rate"] == pytest.approx(rate, rel=0.01)


def test_what_labels_do_not_say_is_unknown():
    cine = np.full((4, *SHAPE), 255, np.uint8)
    cine[0] = ring(10, 16)
    found = function_of(cine, SPACING, [0], 0, 2)
    assert found["function_wall_thickness_mm"] > 0
    for name in ("lv_esv_ml", "lv_sv_ml", "lv_ef", "wall_thickening", "peak_ejection_rate"):
        assert np.isnan(found[f"function_{name}"])


def cohort(folder, radii, kind="real") -> Cohort:
    rows = []
    for number, radius in enumerate(radii):
        labels = {0: ring(radius, radius + 5), 1: ring(radius - 3, radius + 5)}
        write_subject(folder / f"sub-p{number}", np.zeros((2, *SHAPE), np.float32), labels, SPACING)
        rows.append({"subject": f"p{number}", "ed_frame": 0, "es_frame": 1, "labelled_frames": "0,1"})
    write_cohort(folder, folder.name, kind, rows, SPACING)
    return Cohort.open(folder)


def test_means_differences_and_spread(tmp_path):
    real, made = cohort(tmp_path / "real", [8, 10, 12]), cohort(tmp_path / "made", [9, 10, 11], "synthetic")
    rows = measure_cardiac_function(real, made, Measurement({"generator": "g"}, SETTINGS)).set_index("metric")
    edv = {radius: SHAPE[0] * VOXEL_ML * area(radius) for radius in range(8, 13)}
    true, found = np.array([edv[8], edv[10], edv[12]]), np.array([edv[9], edv[10], edv[11]])
    name = "function_lv_edv_ml"
    assert rows.loc[name, "value"] == pytest.approx(found.mean())
    assert rows.loc[f"{name}_difference", "value"] == pytest.approx(found.mean() - true.mean())
    assert rows.loc[f"{name}_spread", "value"] == pytest.approx(found.std() / true.std())
    assert rows.loc[f"{name}_spread", "value"] < 0.6
    assert rows.loc[f"{name}_difference", "versus"] == "real train"
    assert rows.loc[name, "ci_low"] < rows.loc[name, "value"] < rows.loc[name, "ci_high"]
    # Two frames are no volume curve.
    rate = rows.loc["function_peak_filling_rate"]
    assert rate["status"] == "not_measured" and "0 synthetic" in rate["note"]


def test_a_real_heart_that_the_image_cuts_counts_with_what_is_whole(tmp_path):
    real, made = cohort(tmp_path / "real", [8, 9, 10]), cohort(tmp_path / "made", [9, 10, 11], "synthetic")
    unturned = dict.fromkeys(("transpose", "flip_x", "flip_y", "apex_first"), False)
    grid = NativeGrid(SHAPE, SPACING, (0, 0, 0), (1, 1, 1), unturned)
    labels = {frame: volume.copy() for frame, volume in enumerate(real.label_cine("p0"))}
    labels[0][0, 20, 0] = RV  # at ED the right ventricle reaches the border
    write_native(real.folders["p0"], grid, labels)
    rows = measure_cardiac_function(real, made, Measurement({"generator": "g"}, SETTINGS))
    n = rows[rows["metric"].str.endswith("_difference")].set_index("metric")["n"]
    assert n["function_rv_edv_ml_difference"] == n["function_rv_ef_difference"] == 2
    assert n["function_rv_esv_ml_difference"] == n["function_lv_ef_difference"] == 3


def test_visits_of_a_patient_count_once(tmp_path):
    once, made = cohort(tmp_path / "once", [8, 10, 12]), cohort(tmp_path / "made", [9, 10, 11], "synthetic")
    often = cohort(tmp_path / "often", [8, 10, 12, 12, 12, 12])
    patients = {f"p{number}": "the last" for number in range(2, 6)}
    first = measure_cardiac_function(once, made, Measurement({}, SETTINGS))
    second = measure_cardiac_function(often, made, Measurement({}, SETTINGS), patients=patients)
    assert set(second["n"]) <= {0, 3}
    np.testing.assert_allclose(second["value"].astype(float), first["value"].astype(float))


def test_a_cohort_is_like_itself(tmp_path):
    one = cohort(tmp_path / "real", [8, 9, 11])
    rows = measure_cardiac_function(one, one, Measurement(settings=SETTINGS)).set_index("metric")
    for name in ("function_lv_edv_ml", "function_myo_mass_g", "function_wall_thickness_mm"):
        assert rows.loc[f"{name}_difference", "value"] == 0
        assert rows.loc[f"{name}_spread", "value"] == 1


def test_errors_of_stroke_volume_and_wall():
    reference = {"ED": ring(10, 16), "ES": ring(6, 16)}
    predicted = {"ED": ring(10, 18), "ES": ring(6, 16)}
    rows = {(row["metric"], row["phase"]): row for row in wall_errors(predicted, reference, SPACING)}
    assert rows["wall_thickness_error_mm", "ED"]["value"] == pytest.approx(2, abs=0.2)
    assert rows["wall_thickness_error_mm", "ED"]["n"] == 16
    assert rows["wall_thickness_error_mm", "ES"]["value"] == 0
    # 8 to 10 mm instead of 6 to 10: 25 instead of 67 %.
    assert rows["wall_thickening_error", None]["value"] == pytest.approx(25 - 100 * 4 / 6, abs=6)
    errors = {
        (row["metric"], row["structure"]): row for row in function_errors(predicted, reference, SPACING)
    }
    assert errors["sv_error_ml", "LV"]["value"] == 0
    smaller = {"ED": ring(9, 16), "ES": ring(6, 16)}
    errors = {(row["metric"], row["structure"]): row for row in function_errors(smaller, reference, SPACING)}
    assert errors["sv_error_ml", "LV"]["value"] == pytest.approx(SHAPE[0] * VOXEL_ML * (area(9) - area(10)))


def test_a_missed_ventricle_is_a_volume_of_0():
    reference = {"ED": ring(10, 16), "ES": ring(6, 16)}
    edv, esv = (SHAPE[0] * VOXEL_ML * area(radius) for radius in (10, 6))
    nothing = np.zeros_like(reference["ED"])
    for predicted, sv_ml in (((nothing, nothing), 0), ((nothing, reference["ES"]), -esv)):
        frames = dict(zip(("ED", "ES"), predicted, strict=True))
        rows = {
            row["metric"]: row
            for row in function_errors(frames, reference, SPACING)
            if row["structure"] == "LV"
        }
        assert rows["sv_error_ml"]["value"] == pytest.approx(sv_ml - (edv - esv))
        assert rows["sv_ml"]["value"] == pytest.approx(sv_ml)
        assert rows["ef_error"]["status"] == "not_measured"
        assert rows["ef_error"]["note"] == "the prediction has no LV at ED"


def test_a_wall_without_its_landmark_or_prediction_has_no_error():
    reference = {"ED": ring(10, 16), "ES": ring(6, 16)}
    for predicted in ({"ED": ring(10, 16, rv=False), "ES": None}, {}):
        rows = list(wall_errors(predicted, reference, SPACING))
        assert [row["status"] for row in rows] == ["not_measured"] * 3
        assert all("value" not in row and row["note"] for row in rows)
