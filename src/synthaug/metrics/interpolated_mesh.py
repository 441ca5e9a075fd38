"""Surface of a structure whose slices lie far apart: shape-based interpolation between them, then a mesh of triangles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage


class Mesh(NamedTuple):
    """A closed surface of triangles.

    Attributes
    ----------
    vertices_mm : ndarray, shape (n, 3)
        Places (z, y, x); voxel (0, 0, 0) has its centre at the origin.
    triangles : ndarray of int, shape (m, 3)
        Vertices of each triangle, in one sense of rotation as seen from outside.
    """

    vertices_mm: np.ndarray
    triangles: np.ndarray


def interpolated_mesh(mask: np.ndarray, spacing_mm: Sequence[float], step_mm: float | None = None) -> Mesh:
    """Surface of a stack of masks, interpolated between the slices.

    In every slice each pixel has the distance to the border in the plane, positive inside. Between two slices this
    distance is interpolated linearly; the surface is its zero level. Before the first slice, behind the last one and beside a slice
    without the structure the surface ends halfway to the next slice, flat, as in the summation of discs.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
        The structure.
    spacing_mm : sequence of 3 floats
        Distance between voxel centres (z, y, x).
    step_mm : float, optional
        Size of the triangles, and three times the width of a Gaussian that takes the steps of the pixels out of the distances in the
        plane: for pictures. It lets a disc of radius r shrink by about step_mm^2 / (18 r). None: a pixel, and no Gaussian.

    Returns
    -------
    Mesh
        Without a triangle where the mask is empty.

    Raises
    ------
    ValueError
        The mask is not (z, y, x), or a spacing or the step is not positive.

    References
    ----------
    Raya and Udupa, Shape-based interpolation of multidimensional objects, IEEE TMI 9, 1990. Lewiner et al., J. Graphics Tools
    8, 2003 (marching cubes; scikit-image's).
    """
    from skimage.measure import marching_cubes

    mask, spacing = np.asarray(mask, bool), np.asarray(spacing_mm, np.float64)
    if mask.ndim != 3:
        raise ValueError(f"a mask of shape (z, y, x) is needed; its shape is {mask.shape}")
    if spacing.shape != (3,) or not (np.isfinite(spacing) & (spacing > 0)).all():
        raise ValueError(f"spacing {tuple(spacing_mm)} is not three positive lengths in mm")
    if step_mm is not None and not 0 < step_mm < np.inf:
        raise ValueError(f"the step is {step_mm} mm; it must be positive")
    if not mask.any():
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), int))
    pixel = spacing[1:]
    step = np.array(pixel if step_mm is None else [step_mm, step_mm])
    # Background around the structure, so that its surface closes beyond the image, too; empty slices at both ends.
    pad, (box,) = (
        np.array([1, *np.ceil(step / pixel).astype(int) + 2]),
        ndimage.find_objects(mask.view(np.uint8)),
    )
    levels = [_signed_distance(plane, pixel) for plane in np.pad(mask[box], pad[:, None])]
    if step_mm is not None:
        levels = [None if level is None else _resampled(level, pixel, step_mm) for level in levels]
    steps = max(1, round(spacing[0] / step.min()))
    # Planes lie at the middles of the steps. The first and the last are outside: half a step beyond half a slice.
    places = (np.arange(-1, steps * (len(levels) - 2) + 1) + 0.5) / steps + 0.5
    volume = np.stack([_between(levels, place) for place in places])
    vertices, triangles, _, _ = marching_cubes(volume, 0.0, spacing=(spacing[0] / steps, *step))
    first = np.array([part.start for part in box]) - pad + [places[0], 0, 0]
    return Mesh(vertices + first * spacing, triangles)


def mesh_volume_ml(mesh: Mesh) -> float:
    """Volume inside a closed mesh in mL: signed tetrahedra from the origin to its triangles, by the divergence theorem."""
    corners = mesh.vertices_mm[mesh.triangles]
    six_fold = (corners[:, 0] * np.cross(corners[:, 1], corners[:, 2])).sum()
    return float(abs(six_fold) / 6 / 1000)


def _signed_distance(mask: np.ndarray, pixel_mm: np.ndarray) -> np.ndarray | None:
    """Distance to the border in the plane, positive inside, which lies halfway between pixels; None of an empty slice."""
    if not mask.any():
        return None
    inside, outside = (ndimage.distance_transform_edt(kind, sampling=pixel_mm) for kind in (mask, ~mask))
    half = pixel_mm.min() / 2
    return np.where(mask, inside - half, half - outside)


def _resampled(level: np.ndarray, pixel_mm: np.ndarray, step_mm: float) -> np.ndarray:
    """Distances of a slice on a grid of another step from its first pixel on, without what that grid cannot hold."""
    smooth = ndimage.gaussian_filter(level, step_mm / 3 / pixel_mm, mode="nearest")
    grid = [
        np.arange(0, (n - 1) * size, step_mm) / size for n, size in zip(level.shape, pixel_mm, strict=True)
    ]
    return np.asarray(ndimage.map_coordinates(smooth, np.meshgrid(*grid, indexing="ij"), order=1))


def _between(levels: Sequence[np.ndarray | None], place: float) -> np.ndarray:
    """Distances at a place between two slices, in slices from the first."""
    before = min(int(place), len(levels) - 2)
    share, (first, second) = place - before, levels[before : before + 2]
    if first is not None and second is not None:
        return (1 - share) * first + share * second
    if first is None and second is None:  # a gap of several slices
        present = next(level for level in levels if level is not None)
        return np.full_like(present, present.min())
    # Beside an empty slice the border in the plane stays where it is, and ends halfway.
    near, away = (first, share) if first is not None else (second, 1 - share)
    assert near is not None
    fall = 1 - 2 * away
    return np.where(near > 0, fall, abs(fall)) * near
