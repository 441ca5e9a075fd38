"""Rays from the cavity's centroid through the left ventricle's wall, slice by slice, on label maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from synthaug.labels import LV, MYO, RV

#: One ray a degree, counterclockwise as displayed, from the image's right.
ANGLES = np.arange(360) + 0.5


class ShortAxisRays(NamedTuple):
    """A labelled frame seen from the cavity's centroid in each slice with both cavity and myocardium.

    Attributes
    ----------
    slices : ndarray of int, shape (n,)
        Indices of these slices.
    third : ndarray of int, shape (n,)
        0 basal, 1 mid, 2 apical: the slices from the first to the last with cavity and myocardium, cut into
        three, each slice by its centre.
    inner_mm : ndarray, shape (n, 360)
        Distance to the outermost border of the cavity; NaN where the image ends first.
    thickness_mm : ndarray, shape (n, 360)
        From there to the border of cavity and myocardium together; NaN where the ray meets no wall.
    septal : ndarray of bool, shape (n, 360)
        The right ventricle begins within 1.5 pixels behind the wall.
    right_mm : ndarray, shape (n, 360)
        Length of the ray inside of the right ventricle, in steps of a quarter of a pixel.
    """

    slices: np.ndarray
    third: np.ndarray
    inner_mm: np.ndarray
    thickness_mm: np.ndarray
    septal: np.ndarray
    right_mm: np.ndarray


def cast_rays(labels_frame: np.ndarray, spacing_mm: Sequence[float]) -> ShortAxisRays:
    """Follow 360 rays in every slice with both cavity and myocardium.

    Parameters
    ----------
    labels_frame : ndarray, shape (z, y, x)
        Canonical labels in canonical orientation: slices from base to apex.
    spacing_mm : sequence of 3 floats
        Distance between voxel centres (z, y, x).

    Returns
    -------
    ShortAxisRays
        Of no slice where no slice has both. Borders are zero levels of signed distance maps, interpolated
        linearly, so they lie between voxels.

    Raises
    ------
    ValueError
        The labels are not (z, y, x), or there are not three positive spacings.
    """
    labels = np.asarray(labels_frame)
    if labels.ndim != 3:
        raise ValueError(f"labels of shape (z, y, x) are needed; their shape is {labels.shape}")
    spacing = np.asarray(spacing_mm, np.float64)
    if spacing.shape != (3,) or not (np.isfinite(spacing) & (spacing > 0)).all():
        raise ValueError(f"spacing {tuple(spacing_mm)} is not three positive lengths in mm")
    slices = np.flatnonzero((labels == LV).any((1, 2)) & (labels == MYO).any((1, 2)))
    if not len(slices):
        none, no_ray = np.zeros(0, int), np.zeros((0, 360))
        return ShortAxisRays(none, none, no_ray, no_ray, no_ray.astype(bool), no_ray)
    third = (3 * (slices - slices[0] + 0.5) // (slices[-1] - slices[0] + 1)).astype(int)
    each = [_cast_in_slice(labels[z], spacing[1:]) for z in slices]
    return ShortAxisRays(slices, third, *(np.stack(rays) for rays in zip(*each, strict=True)))


def anterior_insertion(septal: np.ndarray) -> float:
    """Angle of the septum's anterior end, the first of the septal rays when going counterclockwise.

    Parameters
    ----------
    septal : ndarray of bool, shape (n, 360)
        Septal rays of the basal and mid slices.

    Returns
    -------
    float
        In degrees, median over the slices; NaN without any septal ray.
    """
    septal = septal[septal.any(1)]
    if not len(septal):
        return float("nan")
    middle = mean_direction(septal.sum(0))
    from_middle = (ANGLES - middle + 180) % 360 - 180
    # Of a slice with a stray voxel of the right ventricle the median takes no notice.
    return float(middle + np.median(np.where(septal, from_middle, np.inf).min(1)))


def mean_direction(weights: np.ndarray) -> float:
    """Circular mean in degrees of the rays' angles with these weights (360,)."""
    return float(np.angle((weights * np.exp(1j * np.deg2rad(ANGLES))).sum(), deg=True))


def _cast_in_slice(
    labels: np.ndarray, spacing: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Inner border, thickness, septal rays and way through the right ventricle in one slice (y, x)."""
    heart = np.argwhere(np.isin(labels, (LV, MYO, RV)))
    centre = np.argwhere(labels == LV).mean(0) * spacing
    # Displayed rows go down, angles up.
    direction = np.stack([-np.sin(np.deg2rad(ANGLES)), np.cos(np.deg2rad(ANGLES))])
    # The image ends half a voxel beyond its last centre. No ray is parallel to an axis.
    last = np.where(direction > 0, np.array(labels.shape)[:, None] - 0.5, -0.5) * spacing[:, None]
    on_image = ((last - centre[:, None]) / direction).min(0)[:, None]

    # The voxel of the other kind that is nearest to one of a structure touches the structure: one voxel around the
    # heart is enough for all distances, and farther out nothing changes.
    corner = np.maximum(heart.min(0) - 1, 0)
    labels = labels[tuple(map(slice, corner, heart.max(0) + 2))]
    centre = centre - corner * spacing
    cavity, ventricle, right_ventricle = labels == LV, (labels == LV) | (labels == MYO), labels == RV
    step = spacing.min() / 4

    def steps(mask: np.ndarray) -> np.ndarray:
        """Distances (n,) from the centre between which any ray can meet a mask, with the steps around them."""
        far = np.linalg.norm(np.argwhere(mask) * spacing - centre, axis=1)
        beyond = np.hypot(*spacing)
        return step * np.arange((far.min() - beyond).clip(0) // step, (far.max() + beyond) // step + 1)

    def points(at: np.ndarray) -> np.ndarray:
        """Voxel coordinates (2, 360, n) of distances (360, n) or (n,) in mm along every ray."""
        at = np.broadcast_to(at, (len(ANGLES), np.shape(at)[-1]))
        return (centre[:, None, None] + direction[:, :, None] * at) / spacing[:, None, None]

    def label_at(at: np.ndarray) -> np.ndarray:
        """Labels (360, n) at these distances."""
        return ndimage.map_coordinates(labels, points(at), order=0, mode="nearest")

    def exits(mask: np.ndarray, radii: np.ndarray) -> np.ndarray:
        """Distances (360, steps) at which rays leave a mask; NaN for steps that do not."""
        level = ndimage.map_coordinates(
            _signed_distance(mask, spacing), points(radii), order=1, mode="nearest"
        )
        before, after = level[:, :-1], level[:, 1:]
        leaves = (before >= 0) & (after < 0) & (radii[1:] < on_image)
        share = np.divide(before, before - after, out=np.full_like(before, np.nan), where=leaves)
        return radii[:-1] + share * np.diff(radii)

    inner = np.fmax.reduce(exits(cavity, steps(cavity)), axis=1)
    # The outer border is never inside of the inner one.
    radii = steps(ventricle)
    outer = exits(ventricle, radii[~(radii < np.fmin.reduce(inner) - step)])
    outer = np.fmin.reduce(np.where(outer >= inner[:, None], outer, np.nan), axis=1)
    met = np.isfinite(outer)
    halfway = np.where(met, (inner + outer) / 2, 0.0)[:, None]
    wall = met & (label_at(halfway)[:, 0] == MYO)
    behind = np.where(met, outer, 0.0)[:, None] + spacing.max() * np.arange(0.25, 1.51, 0.25)
    septal = met & (label_at(behind) == RV).any(1)
    right = np.zeros(len(ANGLES))
    if right_ventricle.any():
        radii = steps(right_ventricle)
        right = ((label_at(radii) == RV) & (radii < on_image)).sum(1) * step
    return inner, np.where(wall, outer - inner, np.nan), septal, right


def _signed_distance(mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Distance in mm to the nearest voxel of the other kind, positive inside: 0 halfway between both."""
    inside, outside = (ndimage.distance_transform_edt(kind, sampling=spacing) for kind in (mask, ~mask))
    return inside - outside
