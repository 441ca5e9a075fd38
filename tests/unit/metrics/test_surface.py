"""Surface distances: spheres with published values, empties, spacing, and MONAI where it agrees."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from synthaug.metrics import average_surface_distance, hausdorff_distance
from synthaug.metrics.surface import surface_distances

ONE = (1.0, 1.0, 1.0)


def sphere(
    shape: tuple[int, int, int],
    radius: float,
    centre: tuple[float, float, float],
    spacing: tuple[float, float, float] = ONE,
) -> np.ndarray:
    """A ball; radius and centre in mm."""
    axes = [axis * width - c for axis, width, c in zip(np.indices(shape), spacing, centre, strict=True)]
    return sum(axis**2 for axis in axes) <= radius**2


def point(*index: int) -> np.ndarray:
    mask = np.zeros((6, 20, 20), bool)
    mask[index] = True
    return mask


def test_two_points_in_mm() -> None:
    spacing = (10.0, 1.5, 2.0)
    a, b = point(1, 3, 4), point(2, 7, 6)
    expected = math.hypot(10, 4 * 1.5, 2 * 2)
    assert hausdorff_distance(a, b, spacing) == pytest.approx(expected)
    assert hausdorff_distance(a, b, spacing, 95) == pytest.approx(expected)
    assert average_surface_distance(a, b, spacing) == pytest.approx(expected)


def test_directed_distances_by_hand() -> None:
    # One voxel against two: from the one, 0; from the two, 0 and 3.
    a, b = point(1, 1, 1), point(1, 1, 1) | point(1, 1, 4)
    first, second = surface_distances(a, b, ONE)
    assert sorted(first) == [0] and sorted(second) == [0, 3]
    assert hausdorff_distance(a, b, ONE) == 3
    assert hausdorff_distance(a, b, ONE, 95) == pytest.approx(0.95 * 3)
    assert average_surface_distance(a, b, ONE) == 1  # (0 + 0 + 3) / 3, both directions pooled


def test_published_spheres() -> None:
    small, large = (sphere((99, 99, 99), radius, (20, 33, 22)) for radius in (20, 40))
    assert hausdorff_distance(small, large, ONE) == pytest.approx(20.223748, abs=5e-7)
    assert hausdorff_distance(small, large, ONE, 95) == pytest.approx(20.099751, abs=5e-7)
    spacing = (0.85, 1.2, 0.9)
    a, b = (sphere((99, 99, 99), 20, (c, c, c), spacing) for c in (20, 19))
    assert hausdorff_distance(a, b, spacing) == pytest.approx(2.267157, abs=5e-7)


def test_a_missed_basal_slice_costs_one_slice_spacing() -> None:
    reference = np.zeros((10, 12, 12), bool)
    reference[1:9, 4:8, 4:8] = True
    prediction = reference.copy()
    prediction[1] = False
    assert hausdorff_distance(prediction, reference, (10, 1.5, 1.5)) == 10


def test_empties_can_never_improve_a_mean() -> None:
    empty, mask = np.zeros((6, 20, 20), bool), point(1, 1, 1)
    spacing = (10.0, 1.0, 1.0)
    diagonal = math.sqrt(60**2 + 20**2 + 20**2)
    for percentile in (95, 100):
        assert math.isnan(hausdorff_distance(empty, empty, spacing, percentile))
        assert hausdorff_distance(empty, mask, spacing, percentile) == pytest.approx(diagonal)
        assert hausdorff_distance(mask, empty, spacing, percentile) == pytest.approx(diagonal)
    assert average_surface_distance(empty, mask, spacing) == pytest.approx(diagonal)
    corner_to_corner = hausdorff_distance(point(0, 0, 0), point(5, 19, 19), spacing)
    assert corner_to_corner < diagonal


def test_agrees_with_monai() -> None:
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance

    rng = np.random.default_rng(0)
    spacing = (8.0, 1.5, 1.25)
    for _ in range(4):
        centres = rng.uniform(5, 11, (2, 3))
        a, b = (sphere((16, 18, 17), rng.uniform(3, 6), tuple(centre)) for centre in centres)
        tensors = [torch.tensor(mask)[None, None].float() for mask in (a, b)]
        for percentile in (None, 95):
            expected = compute_hausdorff_distance(
                *tensors, include_background=True, percentile=percentile, spacing=list(spacing)
            )
            assert hausdorff_distance(a, b, spacing, percentile or 100) == pytest.approx(
                float(expected), rel=1e-5
            )
        expected = compute_average_surface_distance(
            *tensors, include_background=True, symmetric=True, spacing=list(spacing)
        )
        assert average_surface_distance(a, b, spacing) == pytest.approx(float(expected), rel=1e-5)


def test_symmetric_and_zero_on_itself() -> None:
    a, b = sphere((12, 14, 13), 3, (5, 5, 5)), sphere((12, 14, 13), 4, (6, 6, 6))
    spacing = (2.0, 1.0, 1.5)
    assert hausdorff_distance(a, a, spacing) == average_surface_distance(a, a, spacing) == 0
    assert hausdorff_distance(a, b, spacing) == hausdorff_distance(b, a, spacing)
    assert average_surface_distance(a, b, spacing) == pytest.approx(average_surface_distance(b, a, spacing))


def test_refuses_a_spacing_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="spacing"):
        hausdorff_distance(point(0, 0, 0), point(0, 0, 1), (1.0, 1.0))
