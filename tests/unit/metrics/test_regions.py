"""Regions of a labelled cine by name: structures by their label, walls by angle, the field by distance."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from made_hearts import SPACING, heart

from synthaug.config.attention import Region
from synthaug.labels import JOINED, LV, MYO, RV, SIX_WALLS, STRUCTURES, WALLS
from synthaug.metrics.regions import around, region


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    """Two frames of a heart whose RV lies to the left of the LV."""
    made = heart(0)[1]
    return np.stack([made[0], made[2]])


def test_structures_are_their_labels(labels):
    for name, label in (("LV", LV), ("MYO", MYO), ("RV", RV)):
        np.testing.assert_array_equal(region(labels, name, SPACING), labels == label)


def test_walls_are_parts_of_the_myocardium_on_their_side(labels):
    walls = {name: region(labels, name, SPACING) for name in WALLS}
    assert set().union(*map(set, SIX_WALLS.values())) == set(range(1, 17))
    muscle = labels == MYO
    for wall in walls.values():
        assert wall.any() and not (wall & ~muscle).any()
    for name, pair in JOINED.items():
        np.testing.assert_array_equal(walls[name], walls[pair[0]] | walls[pair[1]])
    # Four of them are the whole. They share nothing but voxels on their borders, and leave out nothing but the slices beyond the thirds.
    parts = ("anterior", "septal", "inferior", "lateral")
    assert sum(len(WALLS[name]) for name in parts) == 16
    assert np.sum([walls[name] for name in parts], axis=0).max() <= 2
    assert np.any([walls[name] for name in parts], axis=0)[:, 1:-1].mean() >= 0.99 * muscle[:, 1:-1].mean()
    centre = np.argwhere(labels[0, 2] == LV).mean(axis=0)
    side = {name: np.argwhere(wall[0, 2]).mean(axis=0) - centre for name, wall in walls.items()}
    assert side["septal"][1] < -2 < 2 < side["lateral"][1]  # the RV is on the left
    assert side["anterior"][0] < -1 < 1 < side["inferior"][0]  # rows run from anterior to posterior


def test_a_frame_without_a_cavity_or_a_septum_has_no_walls(labels):
    for lacking in (LV, RV):
        without = np.where(labels == lacking, 0, labels).astype(np.uint8)
        assert not any(region(without, name, SPACING).any() for name in WALLS)


def test_a_study_may_name_every_region_and_no_other():
    assert set(get_args(Region)) == {*STRUCTURES, *WALLS}


def test_the_field_reaches_so_far_and_no_further():
    labels = np.zeros((2, 1, 9, 9), np.uint8)
    labels[0, 0, 4, 4] = LV
    field = around(labels, 3.0, (8.0, 2.0, 1.5))
    # 5 voxels in the row of the label (1.5 mm each), 3 in the rows above and below (2 mm).
    assert field[0].sum() == 5 + 2 * 3 and not field[1].any()
