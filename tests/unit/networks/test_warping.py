"""Warping, exponentials of velocities and Jacobian determinants, against what can be computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from synthaug.networks.warping import (
    enlarge,
    exponential,
    jacobian_determinant,
    spatial_gradient,
    warp,
)


def all_slices(z, b=1):
    return torch.ones(b, 1, z, 1, 1)


def constant(components, shape):
    return torch.tensor(components).view(1, 3, 1, 1, 1).expand(1, 3, *shape).clone()


def axis(number, shape):
    """Coordinate along one axis, (z, y, x)."""
    view = [1, 1, 1]
    view[number] = -1
    return torch.arange(float(shape[number])).view(view).expand(shape)


# --- warping ------------------------------------------------------------------------------------


def test_a_known_displacement_moves_a_cube_by_its_voxels():
    volume = torch.zeros(1, 1, 12, 14, 16)
    volume[:, :, 5:8, 6:10, 5:9] = 1
    moved = warp(volume, constant([1.0, 2.0, -3.0], volume.shape[2:]), all_slices(12))
    expected = torch.zeros_like(volume)
    expected[:, :, 4:7, 4:8, 8:12] = 1  # w(p) = v(p + u)
    torch.testing.assert_close(moved, expected, atol=1e-5, rtol=0)


def test_half_a_voxel_is_read_between_two():
    shape = (1, 4, 8)
    moved = warp(axis(2, shape)[None, None], constant([0.0, 0.0, 0.5], shape), all_slices(1))
    torch.testing.assert_close(moved[0, 0, 0, 0], torch.tensor([0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.0]))


def test_slices_that_do_not_exist_are_never_read():
    volume = torch.full((2, 1, 7, 4, 4), 100.0)
    volume[:, :, 2:5] = torch.arange(3.0).view(1, 1, 3, 1, 1)
    slices = torch.zeros(2, 1, 7, 1, 1)
    slices[:, :, 2:5] = 1
    displacement = torch.zeros(2, 3, 7, 4, 4)
    displacement[0, 0], displacement[1, 0] = 3, -1
    moved = warp(volume, displacement, slices)[:, 0, :, 0, 0]
    torch.testing.assert_close(moved[0], torch.tensor([0, 0, 2.0, 2, 2, 0, 0]))
    torch.testing.assert_close(moved[1], torch.tensor([0, 0, 0.0, 0, 1, 0, 0]))


def test_positions_keep_their_precision_under_autocast():
    volume, nothing = torch.rand(1, 1, 3, 64, 64), torch.zeros(1, 3, 3, 64, 64)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(warp(volume, nothing.bfloat16(), all_slices(3)), volume)


def test_a_finer_plane_has_more_voxels_for_the_same_way():
    finer = enlarge(constant([1.0, 1.0, 1.0], (2, 3, 4)), (2, 3))
    assert finer.shape == (1, 3, 2, 6, 12)
    torch.testing.assert_close(finer, constant([1.0, 2.0, 3.0], (2, 6, 12)))


# --- exponentials -------------------------------------------------------------------------------


def test_the_exponential_of_nothing_is_nothing_and_of_a_constant_that_constant():
    shape = (3, 8, 8)
    assert not exponential(torch.zeros(1, 3, *shape), all_slices(3), 7).any()
    velocity = constant([0.4, -1.5, 2.0], shape)
    torch.testing.assert_close(exponential(velocity, all_slices(3), 7), velocity)


def test_the_exponential_of_a_rotation_is_a_rotation():
    shape, angle = (1, 41, 41), 0.4
    y, x = axis(1, shape) - 20, axis(2, shape) - 20
    velocity = torch.stack([torch.zeros(shape), angle * x, -angle * y])[None]
    field = exponential(velocity, all_slices(1), 8)[0]
    inside = (y**2 + x**2) < 10**2
    cosine, sine = math.cos(angle), math.sin(angle)
    expected = torch.stack([torch.zeros(shape), cosine * y + sine * x - y, cosine * x - sine * y - x])
    assert (field - expected)[:, inside].abs().max() < 0.02


def smooth_velocity(size=48, steepness=1.5):
    """A field that is 0 at the border and whose steepest change along x is `steepness` voxels a voxel."""
    shape = (1, size, size)
    y, x = (2 * math.pi * axis(number, shape) / (size - 1) for number in (1, 2))
    strength = steepness * (size - 1) / (2 * math.pi)
    return torch.stack(
        [torch.zeros(shape), 0.3 * strength * y.sin() * x.cos().sub(1), strength * x.sin() * (y / 2).sin()]
    )[None]


def test_the_exponential_of_a_bounded_field_does_not_fold():
    velocity = smooth_velocity()
    assert jacobian_determinant(velocity).min() < -0.3  # as a displacement it folds
    assert jacobian_determinant(exponential(velocity, all_slices(1), 7)).min() > 0


def test_the_exponential_of_the_opposite_leads_back():
    velocity, slices = smooth_velocity(steepness=0.6), all_slices(1)
    there, back = exponential(velocity, slices, 7), exponential(-velocity, slices, 7)
    assert there.abs().max() > 2
    assert (there + warp(back, there, slices)).abs().max() < 0.1


# --- derivatives --------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "expected"), [((5, 6, 7), 1.1 * 0.8 * 1.2), ((1, 6, 7), 0.8 * 1.2)])
def test_the_determinant_of_an_enlargement_is_the_product_of_its_factors(shape, expected):
    growth = (0.1, -0.2, 0.2)
    displacement = torch.stack([factor * axis(number, shape) for number, factor in enumerate(growth)])[None]
    determinant = jacobian_determinant(displacement)
    assert determinant.shape == (1, max(shape[0] - 1, 1), 5, 6)
    torch.testing.assert_close(determinant, torch.full_like(determinant, expected))


def test_the_gradient_is_per_mm_and_of_neighbours_that_exist():
    shape = (4, 5, 6)
    field_mm = torch.stack([3 * axis(0, shape), 4 * axis(1, shape), 5 * axis(2, shape)])[None]
    slices = all_slices(4)
    slices[:, :, 0] = 0
    field_mm[:, :, 0] = 1000
    z, y, x = spatial_gradient(field_mm, slices, (10.0, 2.0, 2.0))
    # One of three components changes along each axis.
    torch.testing.assert_close(torch.stack([z, y, x]), torch.tensor([0.09, 4.0, 6.25]) / 3)
