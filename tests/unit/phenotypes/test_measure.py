"""Phenotypes of shapes one can compute by hand: cylinders, half an ellipsoid, a sine-shaped volume curve."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from synthaug.labels import LV, MYO, RV, UNLABELLED
from synthaug.phantom import SCANNERS, Simulated, draw_parameters, simulate
from synthaug.phenotypes.measure import explain_missing, measure_phenotypes
from synthaug.phenotypes.registry import PHENOTYPES

SPACING = (8.0, 1.0, 1.0)
SLICES = 12
LENGTH = SLICES * SPACING[0]
INNER, OUTER, RIGHT = 20.0, 30.0, 42.0


def cylinder(
    inner: float = INNER, outer: float = OUTER, flattened: float = 1.0, size: int = 110
) -> np.ndarray:
    """Labels (z, y, x): concentric rings in twelve slices, the RV outside of the septum's 120 degrees, two empty slices.

    `flattened` shrinks the left-right axis of everything.
    """
    z, y, x = np.indices((SLICES + 2, size, size))
    down, right = y - size / 2 - 0.3, (x - size / 2 - 0.2) / flattened
    radius, angle = np.hypot(down, right), np.degrees(np.arctan2(-down, right)) % 360
    labels = np.zeros(z.shape, np.uint8)
    labels[(radius < RIGHT) & (angle >= 120) & (angle < 240)] = RV
    labels[radius < outer] = MYO
    labels[radius < inner] = LV
    labels[SLICES:] = 0
    return labels


def beat(*frames: np.ndarray) -> np.ndarray:
    return np.stack(frames)


@pytest.fixture(scope="module")
def contracted() -> dict[str, float]:
    return measure_phenotypes(beat(cylinder(), cylinder(14, 28)), SPACING, [0, 1], 0, 1, 0.4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lv_edv_ml", np.pi * 20**2 * LENGTH / 1000),
        ("lv_esv_ml", np.pi * 14**2 * LENGTH / 1000),
        ("lv_sv_ml", np.pi * (20**2 - 14**2) * LENGTH / 1000),
        ("lv_ef", 51.0),
        ("heart_rate_bpm", 75.0),
        ("lv_co_l_min", 75 * np.pi * (20**2 - 14**2) * LENGTH / 1e6),
        ("rv_edv_ml", np.pi / 3 * (42**2 - 30**2) * LENGTH / 1000),
        ("lv_rv_edv_ratio", 3 * 20**2 / (42**2 - 30**2)),
        ("rv_lv_area_ratio_ed", (42**2 - 30**2) / 3 / 20**2),
        ("myo_mass_g", 1.05 * np.pi * (30**2 - 20**2) * LENGTH / 1000),
        ("myo_mass_es_g", 1.05 * np.pi * (28**2 - 14**2) * LENGTH / 1000),
        ("lv_epicardial_volume_ed_ml", np.pi * 30**2 * LENGTH / 1000),
        ("lv_mass_volume_ratio_g_ml", 1.05 * (30**2 - 20**2) / 20**2),
        ("lv_contraction_fraction", 100 * (20**2 - 14**2) / (30**2 - 20**2)),
        ("lv_global_function_index", 100 * (400 - 196) / ((400 + 196) / 2 + 500)),
        ("wall_thickness_mean_ed_mm", 10.0),
        ("wall_thickness_mean_es_mm", 14.0),
        ("wall_thickening_mean", 40.0),
        ("wall_septal_lateral_ratio_ed", 1.0),
        ("lv_relative_wall_thickness", 0.5),
        ("lv_diameter_basal_ed_mm", 40.0),
        ("lv_diameter_mid_es_mm", 28.0),
        ("lv_epicardial_diameter_mid_ed_mm", 60.0),
        ("rv_diameter_basal_ed_mm", 12.0),
        ("rv_lv_diameter_ratio_ed", 0.3),
        ("lv_length_ed_mm", LENGTH),
        ("rv_length_es_mm", LENGTH),
        ("lv_fractional_shortening", 30.0),
        ("lv_fractional_area_change", 51.0),
        ("lv_sphericity_ed", 6 * 20**2 / LENGTH**2),
        ("lv_diameter_length_ratio_ed", 40 / LENGTH),
        ("lv_conicity_ed", 1.0),
        ("lv_eccentricity_ed", 1.0),
        ("septal_curvature_ed_per_mm", 1 / 20),
        ("septal_curvature_es_per_mm", 1 / 14),
        ("septal_curvature_ratio_ed", 1.0),
        ("es_phase", 0.5),
        ("systole_ms", 400.0),
        ("lv_mean_ejection_rate_ml_s", np.pi * (20**2 - 14**2) * LENGTH / 1000 / 0.4),
    ],
)
def test_cylinder(contracted: dict[str, float], name: str, expected: float) -> None:
    # A radius is known to a fraction of a voxel.
    assert contracted[name] == pytest.approx(expected, rel=0.04)


def test_every_segment_of_a_cylinder_has_its_thickness(contracted: dict[str, float]) -> None:
    for segment in range(1, 17):
        assert contracted[f"wall_thickness_aha{segment:02d}_ed_mm"] == pytest.approx(10, abs=0.6)
        assert contracted[f"wall_thickening_aha{segment:02d}"] == pytest.approx(40, abs=8)


def test_half_an_ellipsoid() -> None:
    radius, length, thin = 25.0, 90.0, (3.0, 1.0, 1.0)
    z, y, x = np.indices((34, 90, 90))
    level, from_axis = (z + 0.5) * 3, np.hypot(y - 44.6, x - 44.7)
    labels = np.zeros(z.shape, np.uint8)
    labels[(level / (length + 8)) ** 2 + (from_axis / (radius + 8)) ** 2 < 1] = MYO
    labels[(level / length) ** 2 + (from_axis / radius) ** 2 < 1] = LV
    measured = measure_phenotypes(beat(labels), thin, [0], 0, None)
    assert measured["lv_edv_ml"] == pytest.approx(2 / 3 * np.pi * radius**2 * length / 1000, rel=0.01)
    assert measured["lv_length_ed_mm"] == pytest.approx(length)
    assert measured["lv_sphericity_ed"] == pytest.approx(4 * radius**2 / length**2, rel=0.01)
    # Mean radii of the middle and of the apical third: integrals of sqrt(1 - u^2).
    u = np.linspace(0, 1, 300_001)
    profile = np.sqrt(1 - u**2)
    mid, apical = (profile[(u >= low) & (u <= low + 1 / 3)].mean() for low in (1 / 3, 2 / 3))
    assert measured["lv_diameter_mid_ed_mm"] == pytest.approx(2 * radius * mid, rel=0.01)
    assert measured["lv_conicity_ed"] == pytest.approx(apical / mid, rel=0.02)


@pytest.mark.parametrize("flattened", [0.7, 1.25])
def test_eccentricity_of_an_ellipse(flattened: float) -> None:
    # Left-right is across the septum.
    measured = measure_phenotypes(beat(cylinder(flattened=flattened)), SPACING, [0], 0, None)
    assert measured["lv_eccentricity_ed"] == pytest.approx(1 / flattened, rel=0.03)


def test_a_septum_that_bulges_into_the_cavity_has_negative_curvature() -> None:
    labels = cylinder()
    _, y, x = np.indices(labels.shape)
    # A circle of 40 mm whose centre lies to the left of the cavity takes a bite out of its septal side.
    bite = (np.hypot(y - 55.3, x - 55.2 + 50) < 40) & (labels == LV)
    labels[bite] = MYO
    measured = measure_phenotypes(beat(labels), SPACING, [0], 0, None)
    assert measured["septal_curvature_ed_per_mm"] < 0.01
    assert measured["septal_curvature_ratio_ed"] < 0.3


def volumes(curve: np.ndarray) -> np.ndarray:
    """Label cine whose LV has so many voxels in each frame, away from the border."""
    cine = np.zeros((len(curve), 8, 40, 40), np.uint8)
    for frame, count in zip(cine, curve, strict=True):
        inside = np.zeros((8, 38, 38), np.uint8)
        inside.flat[: round(count)] = LV
        frame[:, 1:-1, 1:-1] = inside
    return cine


@pytest.mark.parametrize("ed", [0, 5])
def test_a_sinusoidal_volume_curve(ed: int) -> None:
    # V = 6000 + 3000 cos(2 pi t / T) voxels of 0.02 mL, T = 24 * 0.04 s: the extremes of dV/dt lie a quarter later.
    beat_s, amplitude = 0.96, 60.0
    curve = np.roll(6000 + 3000 * np.cos(2 * np.pi * np.arange(24) / 24), ed)
    found = measure_phenotypes(volumes(curve), (5.0, 2.0, 2.0), range(24), ed, (ed + 12) % 24, 0.04)
    for phase in ("ejection", "filling"):
        rate = 2 * np.pi * amplitude / beat_s
        assert found[f"lv_peak_{phase}_rate_ml_s"] == pytest.approx(rate, rel=1e-3)
        assert found[f"lv_peak_{phase}_rate_edv_s"] == pytest.approx(rate / 180, rel=1e-3)
        assert found[f"lv_peak_{phase}_rate_edv_beat"] == pytest.approx(rate * beat_s / 180, rel=1e-3)
        assert found[f"lv_peak_{phase}_time_ms"] == pytest.approx(1000 * beat_s / 4, abs=5)
    assert found["lv_peak_ejection_phase"] == pytest.approx(0.25, abs=0.005)
    assert found["lv_peak_filling_phase"] == pytest.approx(0.75, abs=0.005)
    # A third of diastole is T / 6: half an amplitude of two.
    assert found["lv_first_third_filling"] == pytest.approx(25, abs=0.1)
    assert found["systole_ms"] == pytest.approx(found["diastole_ms"]) == pytest.approx(480)


def test_rates_need_all_frames() -> None:
    cine = volumes(6000 + 3000 * np.cos(2 * np.pi * np.arange(24) / 24))
    cine[3] = UNLABELLED
    labelled = [frame for frame in range(24) if frame != 3]
    found = measure_phenotypes(cine, SPACING, labelled, 0, 12, 0.04)
    assert all(math.isnan(found[name]) for name, item in PHENOTYPES.items() if item.frames == "all")
    assert found["lv_ef"] == pytest.approx(100 * 6 / 9, rel=1e-3)


@pytest.fixture(scope="module")
def phantom() -> Simulated:
    scanner = replace(
        SCANNERS["C"],
        matrix=128,
        spacing_mm=(1.4, 1.4),
        frames=(8, 8),
        slice_spacing_mm=2.5,
        slice_thickness_mm=2.5,
    )
    return simulate(draw_parameters("RV", np.random.default_rng(3)), scanner, 1)


def of_phantom(scan: Simulated) -> dict[str, float]:
    frames = range(len(scan.labels))
    return measure_phenotypes(
        scan.labels, scan.spacing_mm, frames, scan.ed_frame, scan.es_frame, scan.frame_duration_s
    )


def test_the_phantoms_truth(phantom: Simulated) -> None:
    found, truth = of_phantom(phantom), phantom.volumes_ml
    assert found["lv_edv_ml"] == pytest.approx(truth["LV"][phantom.ed_frame], rel=0.02)
    assert found["lv_esv_ml"] == pytest.approx(truth["LV"][phantom.es_frame], rel=0.02)
    assert found["myo_mass_g"] == pytest.approx(1.05 * truth["MYO"][phantom.ed_frame], rel=0.02)
    assert found["rv_esv_ml"] == pytest.approx(truth["RV"][phantom.es_frame], rel=0.02)
    # The stack begins at the mitral plane; at ED the RV reaches above it.
    assert found["rv_edv_ml"] == pytest.approx(truth["RV"][phantom.ed_frame], rel=0.05)
    assert found["rv_edv_ml"] == pytest.approx(phantom.label_volume_ml(RV, phantom.ed_frame))
    # Mass is constant over the beat.
    assert found["myo_mass_es_g"] == pytest.approx(found["myo_mass_g"], rel=0.02)


def test_a_simulated_heart_has_every_phenotype_in_its_valid_range(phantom: Simulated) -> None:
    found = of_phantom(phantom)
    assert list(found) == list(PHENOTYPES)
    wrong = {
        name: value
        for name, value in found.items()
        if not PHENOTYPES[name].range[0] <= value <= PHENOTYPES[name].range[1]
    }
    assert wrong == {}
    assert found["lv_edv_ml"] >= found["lv_esv_ml"] and found["rv_edv_ml"] >= found["rv_esv_ml"]


@pytest.mark.parametrize("factor", [0.8, 1.3])
def test_scaling_in_the_plane(phantom: Simulated, factor: float) -> None:
    z, y, x = phantom.spacing_mm
    enlarged = of_phantom(replace(phantom, spacing_mm=(z, factor * y, factor * x)))
    expected = {
        name: value * factor ** PHENOTYPES[name].scaling for name, value in of_phantom(phantom).items()
    }
    assert enlarged == pytest.approx(expected, rel=1e-6)


def test_rotation_by_90_degrees_changes_nothing(phantom: Simulated) -> None:
    turned = replace(phantom, labels=np.rot90(phantom.labels, axes=(2, 3)))
    # Borders of the RV are found in steps of a quarter of a pixel.
    assert of_phantom(turned) == pytest.approx(of_phantom(phantom), rel=0.01, abs=0.01)


def test_missing_stays_missing_and_says_why() -> None:
    without_rv = np.where(cylinder() == RV, 0, cylinder())
    frames = beat(without_rv, np.full_like(without_rv, UNLABELLED))
    found = measure_phenotypes(frames, SPACING, [0], 0, None)
    known = {name for name, value in found.items() if not math.isnan(value)}
    assert {"lv_edv_ml", "myo_mass_g", "lv_diameter_mid_ed_mm", "lv_sphericity_ed"} <= known
    assert not {name for name in known if "rv" in name.split("_") or "es" in name.split("_") or "aha" in name}
    assert not known & {"lv_ef", "lv_co_l_min", "heart_rate_bpm", "septal_curvature_ed_per_mm"}
    assert explain_missing(found, frames, SPACING, [0], 0, None) == [
        "no RV at ED",
        "ES is not labelled",
        "not all frames are labelled",
        "the frame duration is unknown",
    ]


def test_a_ventricle_that_nobody_drew_at_es_has_no_volume_there() -> None:
    systole = np.where(cylinder(14, 28) == RV, 0, cylinder(14, 28))
    heart = (beat(cylinder(), systole), SPACING, [0, 1], 0, 1, 0.4)
    found = measure_phenotypes(*heart)
    assert all(math.isnan(found[name]) for name in ("rv_esv_ml", "rv_sv_ml", "rv_ef", "rv_co_l_min"))
    assert found["rv_edv_ml"] > 0 and found["lv_ef"] == pytest.approx(51, abs=1)
    assert explain_missing(found, *heart) == ["no RV at ES"]


def test_a_curve_with_a_frame_without_the_ventricle_has_no_rates() -> None:
    cine = volumes(6000 + 3000 * np.cos(2 * np.pi * np.arange(24) / 24))
    cine[3] = 0
    heart = (cine, (5.0, 2.0, 2.0), range(24), 0, 12, 0.04)
    found = measure_phenotypes(*heart)
    assert math.isnan(found["lv_peak_ejection_rate_ml_s"]) and found["lv_ef"] == pytest.approx(66.7, abs=0.1)
    assert "the LV is absent from a frame, or the image cuts it there" in explain_missing(found, *heart)


def test_an_rv_all_around_leaves_no_free_wall() -> None:
    """As a generator may draw it."""
    labels = cylinder()
    _, y, x = np.indices(labels.shape)
    labels[(np.hypot(y - 55.3, x - 55.2) < RIGHT) & (labels == 0)] = RV
    labels[SLICES:] = 0
    found = measure_phenotypes(beat(labels), SPACING, [0], 0, None)
    assert math.isnan(found["septal_curvature_ratio_ed"]) and math.isnan(found["lv_eccentricity_ed"])
    assert found["lv_edv_ml"] == pytest.approx(np.pi * 20**2 * LENGTH / 1000, rel=0.01)


def test_a_cut_structure_is_missing_and_the_others_are_not() -> None:
    cut = cylinder()[..., 20:]  # through the RV
    found = measure_phenotypes(beat(cut), SPACING, [0], 0, None)
    assert math.isnan(found["rv_edv_ml"]) and math.isnan(found["rv_lv_area_ratio_ed"])
    assert math.isnan(found["rv_length_ed_mm"]) and found["lv_length_ed_mm"] == pytest.approx(LENGTH)
    assert found["lv_edv_ml"] == pytest.approx(np.pi * 20**2 * LENGTH / 1000, rel=0.01)
    assert "the image cuts the RV at ED" in explain_missing(found, beat(cut), SPACING, [0], 0, None)


def test_a_stack_that_ends_inside_has_no_length() -> None:
    found = measure_phenotypes(beat(cylinder()[:SLICES]), SPACING, [0], 0, None)
    assert math.isnan(found["lv_length_ed_mm"]) and math.isnan(found["lv_sphericity_ed"])
    assert found["lv_edv_ml"] == pytest.approx(np.pi * 20**2 * LENGTH / 1000, rel=0.01)


def test_two_slices_have_no_thirds() -> None:
    few = cylinder()[SLICES - 2 :]
    found = measure_phenotypes(beat(few), SPACING, [0], 0, None)
    assert math.isnan(found["wall_thickness_mid_ed_mm"]) and math.isnan(found["lv_diameter_mid_ed_mm"])
    assert "fewer than 3 slices with a cavity at ED" in explain_missing(
        found, beat(few), SPACING, [0], 0, None
    )


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"label_cine": cylinder()}, r"\(t, z, y, x\)"),
        ({"spacing_mm": (8.0, 0.0, 1.0)}, "spacing"),
        ({"es_frame": 4}, "frame 4"),
        ({"frame_duration_s": 0.0}, "duration"),
    ],
)
def test_refuses(changed: dict[str, object], match: str) -> None:
    right = {
        "label_cine": beat(cylinder()),
        "spacing_mm": SPACING,
        "labelled": [0],
        "ed_frame": 0,
        "es_frame": None,
    }
    with pytest.raises(ValueError, match=match):
        measure_phenotypes(**(right | changed))
