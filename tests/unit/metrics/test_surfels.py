"""Normalised surface Dice: values by hand and of its authors, and what anisotropy does to it."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.metrics import normalised_surface_dice

CUBE = np.zeros((12, 12, 12), bool)
CUBE[3:9, 3:9, 3:9] = True


def test_the_value_of_the_authors_own_test() -> None:
    reference, prediction = np.zeros((2, 100, 100, 100), bool)
    reference[:50], prediction[:51] = True, True
    value = normalised_surface_dice(prediction, reference, (2, 1, 1), tolerance_mm=1)
    assert value == pytest.approx(0.836145, abs=1e-6)


def test_a_slice_more_is_lost_below_its_thickness_and_forgiven_at_it() -> None:
    taller = CUBE | np.roll(CUBE, 1, axis=0)
    spacing = (10, 1, 1)
    assert normalised_surface_dice(taller, CUBE, spacing, tolerance_mm=9.9) < 1
    assert normalised_surface_dice(taller, CUBE, spacing, tolerance_mm=10) == 1


def test_identical_masks_and_empty_ones() -> None:
    nothing = np.zeros_like(CUBE)
    assert normalised_surface_dice(CUBE, CUBE, (1, 1, 1), 0) == 1
    assert normalised_surface_dice(CUBE, nothing, (1, 1, 1), 1) == 0
    assert np.isnan(normalised_surface_dice(nothing, nothing, (1, 1, 1), 1))


def test_symmetric_and_growing_with_the_tolerance() -> None:
    rng = np.random.default_rng(0)
    first, second = CUBE | (rng.random(CUBE.shape) < 0.01), np.roll(CUBE, 2, axis=2)
    values = [normalised_surface_dice(first, second, (3, 1, 1.5), tolerance) for tolerance in (0, 1, 2, 5)]
    assert values == sorted(values) and values[0] < values[-1]
    assert values[1] == pytest.approx(normalised_surface_dice(second, first, (3, 1, 1.5), 1), abs=1e-12)


def test_a_missed_slice_at_the_image_border_counts() -> None:
    full, cropped = np.ones((4, 6, 6), bool), np.ones((4, 6, 6), bool)
    cropped[0] = False
    assert normalised_surface_dice(cropped, full, (10, 1, 1), tolerance_mm=2) < 1


def test_refuses_planes_and_negative_tolerances() -> None:
    with pytest.raises(ValueError, match="z, y, x"):
        normalised_surface_dice(CUBE[0], CUBE[0], (1, 1), 1)
    with pytest.raises(ValueError, match="negative"):
        normalised_surface_dice(CUBE, CUBE, (1, 1, 1), -1)
