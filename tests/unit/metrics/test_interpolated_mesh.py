"""Surfaces between slices: volumes of bodies that are known, the shape between two slices, ends halfway to the next one."""

from __future__ import annotations

import numpy as np
import pytest

from synthaug.metrics.interpolated_mesh import interpolated_mesh, mesh_volume_ml

SPACING = (8.0, 1.0, 1.25)
#: Distances of the voxels from the middle one, in mm; sparse, (z, 1, 1), (1, y, 1), (1, 1, x).
Z, Y, X = (
    (np.arange(count) - count // 2).reshape(shape) * size
    for count, shape, size in zip((11, 71, 61), ((-1, 1, 1), (1, -1, 1), (1, 1, -1)), SPACING, strict=True)
)
MIDDLE = np.array([5, 35, 30]) * SPACING


def across(mesh, z_mm):
    """Distance from the axis of the vertices at a height above the middle."""
    z, y, x = (mesh.vertices_mm - MIDDLE).T
    return np.hypot(y, x)[np.abs(z - z_mm) < 0.1]


@pytest.mark.parametrize("step_mm", [None, 3.0])
def test_a_stack_of_discs_has_the_volume_of_the_cylinder(step_mm):
    cylinder = (np.abs(Z) < 30) & (np.hypot(Y, X) < 20)  # seven slices of 8 mm
    mesh = interpolated_mesh(cylinder, SPACING, step_mm)
    assert mesh_volume_ml(mesh) == pytest.approx(np.pi * 20**2 * 56 / 1000, rel=0.03)
    # It ends, flat, half a slice beyond the first and the last centre.
    assert np.ptp(mesh.vertices_mm[:, 0]) == pytest.approx(56)
    assert mesh.vertices_mm.min(axis=0) == pytest.approx(MIDDLE - [28, 20, 20], abs=0.7)


@pytest.mark.parametrize("step_mm", [None, 3.0])
def test_a_stack_of_a_sphere_has_the_volume_of_the_sphere(step_mm):
    sphere = Z**2 + Y**2 + X**2 < 30**2
    volume = mesh_volume_ml(interpolated_mesh(sphere, SPACING, step_mm))
    assert volume == pytest.approx(4 / 3 * np.pi * 30**3 / 1000, rel=0.03)


def test_between_two_discs_lies_the_disc_of_the_mean_radius():
    cone = (np.abs(Z) < 20) & (np.hypot(Y, X) < 18 + Z / 2)  # radii of 10, 14, 18, 22, 26 mm
    mesh = interpolated_mesh(cone, SPACING)
    for below, radius in ((-16, 10), (-8, 14), (0, 18), (8, 22)):
        # Steps of 1 mm lie at the middles of the eighths of a slice.
        rim = across(mesh, below + 4.5)
        assert len(rim) > 20 and rim.mean() == pytest.approx(radius + 4.5 / 2, abs=0.5)
    # Slices repeated instead would keep the radius up to the half, and the volume of discs.
    assert across(mesh, -13.5).mean() == pytest.approx(11.25, abs=0.5)


def test_triangles_close_the_surface_and_turn_one_way():
    mesh = interpolated_mesh(Z**2 + Y**2 + X**2 < 20**2, SPACING, 4.0)
    edges = [
        tuple(edge)
        for triangle in mesh.triangles
        for edge in zip(triangle, np.roll(triangle, -1), strict=True)
    ]
    assert len(edges) == len(set(edges))
    assert {(b, a) for a, b in edges} == set(edges)


def test_a_slice_without_the_structure_parts_it_halfway_on_both_sides():
    disc = (np.hypot(Y, X) < 15) & ((np.abs(Z) == 16) | (Z == 40))
    mesh = interpolated_mesh(disc, SPACING)
    # Three single slices, apart by three and by two empty ones; the last at the image's end.
    assert mesh_volume_ml(mesh) == pytest.approx(3 * 8 * np.pi * 15**2 / 1000, rel=0.03)
    heights = np.unique(mesh.vertices_mm[:, 0].round(3)) - MIDDLE[0]
    assert all(min(abs(height - z) for z in (-16, 16, 40)) <= 4.001 for height in heights)


def test_a_structure_that_the_image_cuts_is_closed_at_its_border():
    mesh = interpolated_mesh(np.ones((3, 10, 8), bool), (6.0, 2.0, 1.0))
    # Pixels reach half their size beyond their centres; marching cuts the corners.
    assert mesh.vertices_mm.min(axis=0) == pytest.approx([-3.0, -1.0, -0.5])
    assert mesh_volume_ml(mesh) == pytest.approx(18 * 20 * 8 / 1000, rel=0.03)


def test_slices_as_near_as_pixels_need_none_between():
    ball = np.add.outer(np.arange(-9, 10) ** 2, np.add.outer(np.arange(-9, 10) ** 2, np.arange(-9, 10) ** 2))
    volume = mesh_volume_ml(interpolated_mesh(ball < 8**2, (1.0, 1.0, 1.0)))
    assert volume == pytest.approx((ball < 8**2).sum() / 1000, rel=0.03)


def test_nothing_has_no_surface():
    mesh = interpolated_mesh(np.zeros((4, 5, 6), bool), SPACING)
    assert len(mesh.triangles) == 0 and mesh_volume_ml(mesh) == 0


@pytest.mark.parametrize(
    ("shape", "spacing", "step", "message"),
    [
        ((4, 4), SPACING, None, "shape"),
        ((2, 4, 4), (8.0, 0.0, 1.0), None, "not three positive"),
        ((2, 4, 4), (8.0, 1.0), None, "not three positive"),
        ((2, 4, 4), SPACING, 0.0, "must be positive"),
    ],
)
def test_what_is_no_stack_is_refused(shape, spacing, step, message):
    with pytest.raises(ValueError, match=message):
        interpolated_mesh(np.ones(shape, bool), spacing, step)
