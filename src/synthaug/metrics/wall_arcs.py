"""An arc of the left ventricle's wall, such as an infarct: carried from one heart's labels to another's by their landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synthaug.labels import MYO
from synthaug.metrics.aha_segments import degrees_beyond
from synthaug.metrics.short_axis_rays import ShortAxisRays, anterior_insertion, cast_rays


class WallArc(NamedTuple):
    """A part of the wall in coordinates that every left ventricle has.

    Attributes
    ----------
    middle_deg, width_deg : float
        Around the cavity's centroid, degrees; the middle counted from the anterior insertion of the right ventricle into
        the septum.
    levels : tuple of 2 floats
        Along the axis: 0 at the upper end of the first slice with cavity and myocardium, 1 at the lower end of the last.
    """

    middle_deg: float
    width_deg: float
    levels: tuple[float, float]


def arc_of(
    labels_frame: np.ndarray,
    spacing_mm: Sequence[float],
    middle_deg: float,
    width_deg: float,
    levels: tuple[float, float],
) -> WallArc | None:
    """An arc whose place in the image is known, in coordinates of the heart that the labels show.

    Parameters
    ----------
    labels_frame : ndarray, shape (z, y, x)
        Canonical labels in canonical orientation.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    middle_deg, width_deg : float
        Counterclockwise as displayed, the middle from the image's right.
    levels : tuple of 2 floats
        As of `WallArc`.

    Returns
    -------
    WallArc or None
        None where the labels show no septum.
    """
    insertion = _insertion(cast_rays(labels_frame, spacing_mm))
    if np.isnan(insertion):
        return None
    return WallArc((middle_deg - insertion) % 360, width_deg, levels)


def arc_region(labels: np.ndarray, arc: WallArc, spacing_mm: Sequence[float]) -> np.ndarray:
    """Myocardium within an arc.

    Parameters
    ----------
    labels : ndarray, shape (t, z, y, x)
        Canonical labels in canonical orientation; each frame has its own centroids and insertion.
    arc : WallArc
        The part of the wall.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).

    Returns
    -------
    ndarray of bool, shape (t, z, y, x)
        No voxel of a frame without a septum; slices by their centres.
    """
    return np.stack([_in_frame(frame, arc, spacing_mm) for frame in labels])


def _in_frame(frame: np.ndarray, arc: WallArc, spacing_mm: Sequence[float]) -> np.ndarray:
    inside = np.zeros(frame.shape, bool)
    rays = cast_rays(frame, spacing_mm)
    insertion = _insertion(rays)
    if np.isnan(insertion):
        return inside
    first, last = rays.slices[0], rays.slices[-1]
    for z in rays.slices:
        level = (z - first + 0.5) / (last - first + 1)
        if arc.levels[0] <= level <= arc.levels[1]:
            beyond = degrees_beyond(frame[z], spacing_mm[1:], insertion + arc.middle_deg, arc.width_deg)
            inside[z] = (frame[z] == MYO) & (beyond <= 0)
    return inside


def _insertion(rays: ShortAxisRays) -> float:
    return anterior_insertion(rays.septal[rays.third < 2])
