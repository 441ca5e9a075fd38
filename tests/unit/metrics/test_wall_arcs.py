"""An arc of the wall keeps its place in the heart when the heart is turned, moved or enlarged."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.labels import LV, MYO, RV
from synthaug.metrics.wall_arcs import arc_of, arc_region

SPACING = (10.0, 1.0, 1.0)
SIZE, SLICES = 65, 6


def heart(radius: float = 12.0, moved: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Discs of a cavity in a wall of 6 mm, the right ventricle on the left; (1, z, y, x)."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE // 2
    plane = np.zeros((SIZE, SIZE), np.uint8)
    plane[(np.abs(y) < (radius + 6) * 10 / 18) & (x > -28) & (x < 0)] = RV
    plane[np.hypot(y, x) < radius + 6] = MYO
    plane[np.hypot(y, x) < radius] = LV
    return np.roll(np.repeat(plane[None, None], SLICES, axis=1), moved, axis=(2, 3))


def test_an_arc_is_the_wall_between_its_angles_and_levels():
    labels = heart()
    arc = arc_of(labels[0], SPACING, 0.0, 60.0, (0.0, 0.5))  # to the image's right, 30 degrees to both sides
    assert arc is not None
    inside = arc_region(labels, arc, SPACING)
    assert inside.any(axis=(0, 2, 3)).tolist() == [True] * 3 + [False] * 3
    _, _, rows, columns = np.nonzero(inside)
    angles = np.rad2deg(np.arctan2(SIZE // 2 - rows, columns - SIZE // 2))
    assert np.abs(angles).max() <= 30 and np.abs(angles).max() > 28 and (labels[inside] == MYO).all()
    # A sixth of the ring of 12 to 18 mm in three of six slices.
    assert inside.sum() == pytest.approx(3 * np.pi * (18**2 - 12**2) / 6, rel=0.04)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_the_place_in_the_heart_stays_when_it_is_turned(turns):
    labels = heart()
    arc = arc_of(labels[0], SPACING, 100.0, 40.0, (0.3, 1.0))
    turned = np.rot90(labels, turns, axes=(2, 3))
    assert arc is not None
    expected = np.rot90(arc_region(labels, arc, SPACING), turns, axes=(2, 3))
    found = arc_region(turned, arc, SPACING)
    assert expected.any() and (found != expected).sum() < 0.03 * expected.sum()


def test_another_heart_has_the_arc_in_its_own_wall():
    arc = arc_of(heart()[0], SPACING, 270.0, 50.0, (0.0, 1.0))  # below
    assert arc is not None
    other = heart(18.0, (4, -3))
    inside = arc_region(other, arc, SPACING)
    _, _, rows, columns = np.nonzero(inside)
    assert (other[inside] == MYO).all()
    assert rows.mean() - SIZE // 2 - 4 == pytest.approx(
        20.5, abs=1
    )  # the middle of a wall of 18 to 24 mm, below
    assert columns.mean() - SIZE // 2 + 3 == pytest.approx(0, abs=2)


def test_without_a_septum_nothing_is_placed():
    alone = np.where(heart() == RV, 0, heart()).astype(np.uint8)
    assert arc_of(alone[0], SPACING, 0.0, 60.0, (0.0, 1.0)) is None
    arc = arc_of(heart()[0], SPACING, 0.0, 60.0, (0.0, 1.0))
    assert arc is not None and not arc_region(alone, arc, SPACING).any()
