"""Clinical quantities: rings of known radii, a wall thick in one sector, sine-shaped volume curves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synthaug.labels import LV, MYO, RV, UNLABELLED
from synthaug.metrics import peak_rates, stroke_volume_ml, wall_thickening, wall_thickness_mm
from synthaug.metrics.short_axis_rays import cast_rays

SPACING = (10.0, 1.4, 1.1)
INNER, OUTER = 20.0, 30.0
#: Degrees on the display, counterclockwise from the image's right, of segments 1 to 16 where the septum's
#: middle is at 180: the figure of Cerqueira et al.
SECTORS = [(60, 120), (120, 180), (180, 240), (240, 300), (300, 360), (0, 60)] * 2 + [
    (45, 135), (135, 225), (225, 315), (315, 405),
]  # fmt: skip
#: Of nine slices, base first.
THIRDS = [slice(0, 3)] * 6 + [slice(3, 6)] * 6 + [slice(6, 9)] * 4


def heart(
    inner: float = INNER,
    outer: float = OUTER,
    thicker: int | None = None,
    turned: float = 0.0,
    centre: tuple[float, float] = (62.0, 71.0),
    spacing: tuple[float, float, float] = SPACING,
    cavity_shift: float = 0.0,
) -> np.ndarray:
    """Nine slices of concentric rings in mm, the right ventricle over the 120 degrees of the septum.

    Segment `thicker` has 4 mm more wall; all is turned counterclockwise by `turned` degrees.
    """
    shape = (9, round(130 / spacing[1]), round(140 / spacing[2]))
    z, y, x = np.indices(shape)
    down, right = y * spacing[1] - centre[0], x * spacing[2] - centre[1]
    radius, angle = np.hypot(down, right), (np.degrees(np.arctan2(-down, right)) - turned) % 360
    wall = np.full(shape, outer)
    if thicker is not None:
        start, end = SECTORS[thicker - 1]
        in_third = np.isin(z, np.arange(9)[THIRDS[thicker - 1]])
        wall[in_third & ((angle - start) % 360 < end - start)] += 4
    labels = np.zeros(shape, np.uint8)
    labels[(radius < wall + 12) & (angle >= 120) & (angle < 240)] = RV
    labels[radius < wall] = MYO
    labels[np.hypot(down, right - cavity_shift) < inner] = LV
    return labels


@pytest.mark.parametrize("spacing", [(10.0, 1.0, 1.0), SPACING, (8.0, 1.2, 1.9)])
@pytest.mark.parametrize("centre", [(62.0, 71.0), (60.3, 57.6)])
def test_concentric_rings(spacing: tuple[float, float, float], centre: tuple[float, float]) -> None:
    for inner, outer in ((20, 30), (22, 29.5), (10, 25)):
        measured = wall_thickness_mm(heart(inner, outer, centre=centre, spacing=spacing), spacing)
        assert measured.shape == (16,)
        assert np.abs(measured - (outer - inner)).max() < 0.5 * min(spacing)
        assert measured.mean() == pytest.approx(outer - inner, abs=0.15 * min(spacing))


@pytest.mark.parametrize("turned", [0.0, 30.0, -40.0])
@pytest.mark.parametrize("segment", range(1, 17))
def test_a_thicker_wall_is_found_in_its_segment(segment: int, turned: float) -> None:
    measured = wall_thickness_mm(heart(thicker=segment, turned=turned), SPACING)
    expected = np.full(16, 10.0)
    expected[segment - 1] = 14
    assert measured == pytest.approx(expected, abs=0.6)


def test_an_eccentric_cavity_is_seen_from_its_own_centre() -> None:
    # 3 mm to the right: the lateral wall of the apex is 3 mm cos(angle) thinner, the septal one thicker.
    measured = wall_thickness_mm(heart(cavity_shift=3.0), SPACING)
    angles = np.deg2rad(np.linspace(-45, 45, 1001))
    to_outer = np.sqrt(OUTER**2 - (3 * np.sin(angles)) ** 2) - 3 * np.cos(angles)
    assert measured[15] == pytest.approx(np.mean(to_outer - INNER), abs=0.5)
    assert measured[13] - measured[15] == pytest.approx(6 * np.mean(np.cos(angles)), abs=0.5)


def test_thickening() -> None:
    # From 10 to 14 mm everywhere; cavity and epicardium move inwards.
    measured = wall_thickening(heart(20, 30), heart(14, 28), SPACING)
    assert measured == pytest.approx(np.full(16, 40.0), abs=5)
    assert measured.mean() == pytest.approx(40, abs=1)


def test_thirds_follow_the_slices_with_a_cavity() -> None:
    labels = heart()
    labels[0] = 0
    labels[7:][labels[7:] == LV] = MYO  # the apical cap
    labels[1:3][labels[1:3] == MYO] = 0  # leaves slices 3 to 6: basal 3, mid 4 and 5, apical 6
    labels[3][heart(20, 34)[3] == MYO] = MYO
    measured = wall_thickness_mm(labels, SPACING)
    assert measured[:6] == pytest.approx(np.full(6, 14.0), abs=0.6)
    assert measured[6:] == pytest.approx(np.full(10, 10.0), abs=0.6)


def test_an_open_ring_is_missing_and_not_thin() -> None:
    labels, full = heart(), wall_thickness_mm(heart(), SPACING)
    _, y, x = np.indices(labels.shape)
    down, right = y * SPACING[1] - 62, x * SPACING[2] - 71
    lateral = np.degrees(np.arctan2(-down, right)) % 360 >= 300  # segments 5 and 11
    labels[:3][(lateral & (labels == MYO))[:3]] = 0
    measured = wall_thickness_mm(labels, SPACING)
    assert math.isnan(measured[4])
    assert np.delete(measured, 4) == pytest.approx(np.delete(full, 4), abs=0.3)


def test_a_wall_cut_by_the_image_is_missing_and_not_thin() -> None:
    # The last column lies 25 to 26 mm right of the centre, in the middle of the lateral wall.
    labels = heart()[..., : round((71 + 25) / SPACING[2]) + 1]
    measured = wall_thickness_mm(labels, SPACING)
    assert np.isnan(measured[15])  # 45 degrees to both sides
    # Cut or not, what is measured is what is there, seen from a cavity that is still whole.
    assert measured[~np.isnan(measured)] == pytest.approx(10, abs=0.6)
    assert not np.isnan(measured[[1, 2, 7, 8, 13]]).any()


def test_background_around_the_heart_changes_nothing() -> None:
    labels = heart()
    wider = np.pad(labels, ((0, 0), (3, 40), (25, 0)))
    for own, other in zip(cast_rays(labels, SPACING), cast_rays(wider, SPACING), strict=True):
        np.testing.assert_allclose(own, other, atol=1e-9)


def test_a_stray_voxel_does_not_turn_the_segments() -> None:
    labels = heart(thicker=2)
    row, column = round(62 / SPACING[1]), round((71 + OUTER) / SPACING[2]) + 1
    labels[1, row - 1 : row + 2, column] = RV
    assert wall_thickness_mm(labels, SPACING)[1] == pytest.approx(14, abs=0.6)


def test_nothing_is_named_without_its_landmarks() -> None:
    without_rv = heart()
    without_rv[without_rv == RV] = 0
    closed = np.where(heart() == LV, MYO, heart())
    for labels in (without_rv, closed, np.zeros_like(closed), np.full_like(closed, UNLABELLED)):
        assert np.isnan(wall_thickness_mm(labels, SPACING)).all()
        assert np.isnan(wall_thickening(heart(), labels, SPACING)).all()


def test_refuses_labels_and_spacing_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"\(z, y, x\)"):
        wall_thickness_mm(heart()[0], SPACING)
    for spacing in ((1.4, 1.1), (10.0, 0.0, 1.1)):
        with pytest.raises(ValueError, match="spacing"):
            wall_thickness_mm(heart(), spacing)


def test_stroke_volume() -> None:
    assert stroke_volume_ml(150, 60) == 90
    assert stroke_volume_ml(50, 0) == 50
    for edv, esv in ((math.nan, 60), (150, math.nan), (0, 0)):
        assert math.isnan(stroke_volume_ml(edv, esv))


@pytest.mark.parametrize("frames", [4, 5, 12, 25, 30])
def test_a_sine_has_its_own_rates(frames: int) -> None:
    # 105 + 45 cos(2 pi t / 0.9 s): the steepest slope is 45 * 2 pi / 0.9 both ways.
    curve = 105 + 45 * np.cos(2 * np.pi * np.arange(frames) / frames)
    expected = 45 * 2 * np.pi / 0.9
    assert peak_rates(curve, 0.9 / frames) == pytest.approx((expected, expected), rel=1e-3)


def test_ejection_and_filling_are_told_apart() -> None:
    # The slope of cos(a) - sin(2 a) / 4 is -sin(a) - cos(2 a) / 2, with s = sin(a): s^2 - s - 1/2. On
    # [-1, 1] that is least at s = 1/2, -0.75, and largest at s = -1, 1.5. One beat lasts 1 s.
    phase = 2 * np.pi * np.arange(20) / 20
    rates = peak_rates(100 + 40 * np.cos(phase) - 10 * np.sin(2 * phase), 0.05)
    assert rates.peak_ejection_rate_ml_per_s == pytest.approx(0.75 * 40 * 2 * np.pi, rel=1e-3)
    assert rates.peak_filling_rate_ml_per_s == pytest.approx(1.5 * 40 * 2 * np.pi, rel=1e-3)


def test_harmonics_beyond_those_asked_for_are_noise() -> None:
    phase = 2 * np.pi * np.arange(30) / 30
    clean, noise = 100 + 40 * np.cos(phase), 3 * np.cos(9 * phase)
    assert peak_rates(clean + noise, 0.03) == pytest.approx(peak_rates(clean, 0.03))
    assert peak_rates(clean + noise, 0.03, harmonics=9)[0] > 1.5 * peak_rates(clean, 0.03)[0]
    assert peak_rates(np.full(10, 80.0), 0.03) == pytest.approx((0, 0), abs=1e-9)


def test_rates_refuse_what_is_no_curve() -> None:
    with pytest.raises(ValueError, match="4 frames"):
        peak_rates(np.array([100.0, 60, 80]), 0.03)
    with pytest.raises(ValueError, match="frame 2"):
        peak_rates(np.array([100.0, 60, np.nan, 80]), 0.03)
    with pytest.raises(ValueError, match="duration"):
        peak_rates(np.array([100.0, 60, 70, 80]), 0.0)
    with pytest.raises(ValueError, match="harmonics"):
        peak_rates(np.array([100.0, 60, 70, 80]), 0.03, harmonics=0)
