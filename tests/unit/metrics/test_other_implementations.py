"""Side by side with medpy and surface-distance: where they are the same metric, and where they are another."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest

from synthaug.metrics import (
    average_surface_distance,
    dice,
    hausdorff_distance,
    normalised_surface_dice,
)
from synthaug.metrics.surface import surface_distances

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # both import what SciPy will drop
    import medpy.metric.binary as medpy
    import surface_distance


@pytest.fixture(autouse=True)
def numpy_1(monkeypatch):
    """surface-distance 0.1 spells infinity as NumPy 1 did."""
    monkeypatch.setattr(np, "Inf", np.inf, raising=False)


def pairs() -> Iterator[tuple[np.ndarray, np.ndarray, tuple[float, float, float]]]:
    """Overlapping lumps, some cut by the image's border, with anisotropic voxels."""
    rng = np.random.default_rng(3)
    for spacing in ((10.0, 1.5, 1.25), (1.0, 1.0, 1.0), (5.0, 2.0, 0.7)):
        for _ in range(3):
            shape = (9, 24, 22)
            z, y, x = np.ogrid[tuple(slice(n) for n in shape)]
            centres = rng.uniform(0.2, 0.8, (2, 3)) * shape
            first, second = (
                ((z - c[0]) / r[0]) ** 2 + ((y - c[1]) / r[1]) ** 2 + ((x - c[2]) / r[2]) ** 2 < 1
                for c, r in zip(centres, rng.uniform(4, 9, (2, 3)), strict=True)
            )
            yield first & (rng.random(shape) < 0.97), second, spacing


def test_medpy_dice_hausdorff_and_average_distance_are_the_same() -> None:
    for first, second, spacing in pairs():
        assert average_surface_distance(first, second, spacing) == pytest.approx(
            medpy.assd(first, second, spacing), rel=1e-6
        )
        assert dice(first, second) == pytest.approx(medpy.dc(first, second), abs=1e-12)
        assert hausdorff_distance(first, second, spacing) == pytest.approx(
            medpy.hd(first, second, spacing), rel=1e-6
        )


def test_medpy_takes_one_percentile_of_both_directions() -> None:
    differs = 0
    for first, second, spacing in pairs():
        there, back = surface_distances(first, second, spacing)
        assert medpy.hd95(first, second, spacing) == pytest.approx(
            np.percentile(np.concatenate([there, back]), 95), rel=1e-6
        )
        ours = hausdorff_distance(first, second, spacing, 95)
        assert ours == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))
        differs += abs(ours - medpy.hd95(first, second, spacing)) > 0.1
    assert differs > 3


def test_surface_dice_of_surface_distance_is_the_same() -> None:
    for first, second, spacing in pairs():
        # At the image's first voxels it sees no surface; ours counts it (test_surfels.py).
        theirs = surface_distance.compute_surface_distances(np.pad(first, 1), np.pad(second, 1), spacing)
        for tolerance in (0.5, 2.0, 6.0):
            assert normalised_surface_dice(first, second, spacing, tolerance) == pytest.approx(
                surface_distance.compute_surface_dice_at_tolerance(theirs, tolerance), abs=1e-7
            )


def test_surface_distance_measures_hausdorff_between_corners_of_voxels() -> None:
    # Two single voxels, five apart: their surfaces lie between voxels, but equally so in both masks.
    first, second = np.zeros((2, 9, 9, 9), bool)
    first[4, 4, 1] = second[4, 4, 6] = True
    theirs = surface_distance.compute_surface_distances(first, second, (2.0, 1.0, 1.0))
    assert surface_distance.compute_robust_hausdorff(theirs, 100) == 5
    assert hausdorff_distance(first, second, (2.0, 1.0, 1.0)) == 5
    # A stray voxel beside a large organ: weighted by surface, it can hold more than 5 % of it.
    organ = np.zeros((5, 40, 40), bool)
    organ[1:4, 10:20, 10:20] = True
    stray = organ.copy()
    stray[2, 36:39, 36:39] = True
    theirs = surface_distance.compute_surface_distances(stray, organ, (10.0, 1.0, 1.0))
    assert surface_distance.compute_robust_hausdorff(theirs, 95) > 20
    assert hausdorff_distance(stray, organ, (10.0, 1.0, 1.0), 95) == 0


def test_an_empty_mask_is_an_error_an_infinity_or_a_stated_worst() -> None:
    mask = np.zeros((4, 6, 6), bool)
    mask[1:3, 2:4, 2:4] = True
    nothing = np.zeros_like(mask)
    with pytest.raises(RuntimeError):
        medpy.hd(nothing, mask, (1, 1, 1))
    theirs = surface_distance.compute_surface_distances(nothing, mask, (1, 1, 1))
    assert np.isinf(surface_distance.compute_robust_hausdorff(theirs, 100))
    assert hausdorff_distance(nothing, mask, (1, 1, 1)) == pytest.approx(np.linalg.norm(mask.shape))
