"""Mass in a region and the pointing game: cases by hand."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.metrics.localisation import chance_of_pointing, mass_in_region, pointing_game, points_at

SPACING = (10.0, 2.0, 2.0)


def heart():
    """A region of 4 of 2 x 4 x 4 voxels."""
    region = np.zeros((2, 4, 4), bool)
    region[0, 1:3, 1:3] = True
    return region


def test_mass_of_a_constant_map_is_the_share_of_the_volume():
    assert mass_in_region(np.full((2, 4, 4), 0.3), heart()) == pytest.approx((4 / 32, 4 / 32))


def test_mass_counts_values_and_only_within_the_field():
    values = np.ones((2, 4, 4))
    values[0, 1, 1] = 13  # 16 in the region, 28 outside
    assert mass_in_region(values, heart()) == pytest.approx((16 / 44, 4 / 32))
    first = np.zeros((2, 4, 4), bool)
    first[0] = True
    values[1] = np.nan  # slices that do not exist
    assert mass_in_region(values, heart(), first) == pytest.approx((16 / 28, 4 / 16))
    with pytest.raises(ValueError, match="leave out missing slices"):
        mass_in_region(values, heart())


def test_pointing_is_within_the_region_or_its_tolerance():
    values = np.zeros((2, 4, 4))
    values[0, 0, 1] = 1  # one row, 2 mm, beside the region
    assert points_at(values, heart(), SPACING) == 0
    assert points_at(values, heart(), SPACING, 2.0) == 1
    values[1, 1, 1] = 2  # one slice, 10 mm, below
    assert points_at(values, heart(), SPACING, 2.0) == 0 and points_at(values, heart(), SPACING, 10.0) == 1


def test_equal_largest_values_share_the_point_and_a_constant_map_is_chance():
    values = np.zeros((2, 4, 4))
    values[0, 1, 1] = values[1, 0, 0] = 1
    assert points_at(values, heart(), SPACING) == 0.5
    assert chance_of_pointing(heart(), SPACING) == pytest.approx(4 / 32)
    # With 2 mm, the 8 neighbours in the plane that share an edge count too.
    assert chance_of_pointing(heart(), SPACING, 2.0) == pytest.approx(12 / 32)


def test_frames_are_judged_one_by_one_and_those_without_the_region_are_left_out():
    region = np.stack([heart(), heart(), np.zeros_like(heart())])
    values = np.zeros(region.shape)
    values[0, 0, 1, 1] = values[1, 1, 3, 3] = values[2, 0, 0, 0] = 1
    assert points_at(values, region, SPACING) == 0.5
    assert np.isnan(points_at(values[2], region[2], SPACING))


def test_the_game_is_over_patients_against_their_own_chance():
    game = pointing_game(np.array([1.0, 1, 0, 1, np.nan]), np.array([0.1, 0.3, 0.2, 0.2, 0.5]), 500)
    assert game[:3] == pytest.approx((0.75, 0.2, 0.55)) and game.n == 4
    assert game.interval.low < 0.55 < game.interval.high <= 0.9
    with pytest.raises(ValueError, match="no patient"):
        pointing_game(np.array([np.nan]), np.array([0.1]), 10)


def test_maps_that_point_anywhere_do_not_exceed_chance():
    rng = np.random.default_rng(0)
    hits = [points_at(rng.random((2, 4, 4)), heart(), SPACING, 2.0) for _ in range(400)]
    game = pointing_game(np.array(hits), np.full(400, chance_of_pointing(heart(), SPACING, 2.0)), 500)
    assert game.interval.low < 0 < game.interval.high
