"""Where the segments of the AHA's 16-segment model lie in a labelled frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthaug.labels import LV
from synthaug.metrics.clinical import N_SEGMENTS, THIRDS
from synthaug.metrics.short_axis_rays import anterior_insertion, cast_rays


def segment_weights(
    labels_frame: np.ndarray, spacing_mm: Sequence[float], segment: int, taper_degrees: float = 0.0
) -> np.ndarray:
    """1 in the sector of a segment, falling to 0 over an angle beyond its ends.

    Parameters
    ----------
    labels_frame : ndarray, shape (z, y, x)
        Canonical labels in canonical orientation.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    segment : int
        1 to 16; thirds and sectors as in `synthaug.metrics.clinical.wall_thickness_mm`.
    taper_degrees : float
        Angle beyond either end within which the weight falls linearly.

    Returns
    -------
    ndarray, shape (z, y, x)
        Between 0 and 1, a whole sector of each slice of the segment's third, from the cavity's centroid to the edge of
        the image; 0 everywhere where the septum cannot be found.

    Raises
    ------
    ValueError
        No such segment, or what `cast_rays` refuses.
    """
    if not 1 <= segment <= N_SEGMENTS:
        raise ValueError(f"segment {segment} is not one of 1 to {N_SEGMENTS}")
    rays = cast_rays(labels_frame, spacing_mm)
    weights = np.zeros(labels_frame.shape)
    insertion = anterior_insertion(rays.septal[rays.third < 2])
    if np.isnan(insertion):
        return weights
    third = max(number for number, (first, _, _) in enumerate(THIRDS) if first < segment)
    first, count, start = THIRDS[third]
    width = 360 / count
    # The sector behind the insertion is the second of its third: the first, the anterior one, ends there.
    middle = insertion + start + width * ((segment - 1 - first - 1) % count + 0.5)
    for z in rays.slices[rays.third == third]:
        beyond = degrees_beyond(labels_frame[z], spacing_mm[1:], middle, width)
        fall = beyond / taper_degrees if taper_degrees > 0 else np.where(beyond > 0, np.inf, 0.0)
        weights[z] = np.clip(1 - fall, 0, 1)
    return weights


def degrees_beyond(
    labels_slice: np.ndarray, pixel_mm: Sequence[float], middle: float, width: float
) -> np.ndarray:
    """Angle of each pixel beyond a sector around the cavity's centroid, below 0 inside.

    Parameters
    ----------
    labels_slice : ndarray, shape (y, x)
        Canonical labels with an LV cavity.
    pixel_mm : sequence of 2 floats
        Pixel size (y, x).
    middle, width : float
        Of the sector, in degrees; the middle counterclockwise as displayed, from the image's right.

    Returns
    -------
    ndarray, shape (y, x)
        Degrees, at most 180.
    """
    rows, columns = labels_slice.shape
    y, x = np.meshgrid(np.arange(rows) * pixel_mm[0], np.arange(columns) * pixel_mm[1], indexing="ij")
    centre = np.argwhere(labels_slice == LV).mean(axis=0) * pixel_mm
    angle = np.rad2deg(np.arctan2(centre[0] - y, x - centre[1]))
    return np.asarray(np.abs((angle - middle + 180) % 360 - 180) - width / 2)
