"""Edits of one labelled frame, and the one edit that needs end-diastole too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from synthaug.core.errors import SynthaugError
from synthaug.labels import LV, MYO
from synthaug.mask_edits.borders import Borders, borders_of, labels_of
from synthaug.metrics.aha_segments import segment_weights
from synthaug.metrics.clinical import N_SEGMENTS


def dilate_lv(labels: np.ndarray, mm: float, spacing_mm: Sequence[float], name: str = "frame") -> np.ndarray:
    """Move both borders of the wall outwards, in the plane; the wall stays as thick.

    Parameters
    ----------
    labels : ndarray, shape (z, y, x)
        Canonical labels.
    mm : float
        Below 0: inwards. Borders are those of voxels: they move by `mm` to about half a pixel.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    name : str
        What messages call the frame.

    Returns
    -------
    ndarray of uint8, shape (z, y, x)

    Raises
    ------
    SynthaugError
        Nothing would be left of cavity or wall, or the ventricle would reach the edge of the image.
    """
    cavity, ventricle = borders_of(labels, spacing_mm)
    return labels_of(Borders(cavity + mm, ventricle + mm), labels, name)


def dilate_lv_to(
    labels: np.ndarray, volume_ml: float, spacing_mm: Sequence[float], name: str = "frame"
) -> np.ndarray:
    """`dilate_lv` by as much as makes the cavity `volume_ml`, to the voxels of equal distance to the border.

    Raises
    ------
    SynthaugError
        As `dilate_lv`; or the volume is not positive, or more than the slices with a cavity hold.
    """
    cavity, ventricle = borders_of(labels, spacing_mm)
    # Many voxels are as far from the border; those with more of the cavity around them come first.
    filled = ndimage.gaussian_filter((labels == LV).astype(float), (0, 2, 2))
    cavity = cavity + 1e-3 * min(spacing_mm[1:]) * filled
    there = cavity[(labels == LV).any(axis=(1, 2))]
    count = round(1000 * volume_ml / float(np.prod(spacing_mm)))
    if not 0 < count < there.size:
        raise SynthaugError(
            f"{name}: an LV of {volume_ml:g} mL cannot be made; give a volume that its {len(there)} slices can hold"
        )
    falling = np.sort(there, axis=None)[::-1]
    mm = -float(falling[count - 1] + falling[count]) / 2
    return labels_of(Borders(cavity + mm, ventricle + mm), labels, name)


def change_wall(
    labels: np.ndarray, mm: float, spacing_mm: Sequence[float], name: str = "frame"
) -> np.ndarray:
    """Make the wall thicker, or thinner with `mm` below 0, at its outer border; the cavity stays.

    A wall that there was stays at least one voxel thick. Arguments, result and errors as of `dilate_lv`.
    """
    cavity, ventricle = borders_of(labels, spacing_mm)
    pixel = float(max(spacing_mm[1:]))
    # Thinner than a voxel the wall would open: what was myocardium beside the cavity stays.
    kept = (labels == MYO) & (cavity > -pixel) & (cavity.max(axis=(1, 2)) > 0)[:, None, None]
    moved = np.where(kept, np.maximum(ventricle + mm, pixel / 2), ventricle + mm)
    return labels_of(Borders(cavity, moved), labels, name)


def freeze_segment(
    labels: np.ndarray,
    ed_labels: np.ndarray,
    segment: int,
    spacing_mm: Sequence[float],
    taper_degrees: float = 20.0,
    name: str = "frame",
) -> np.ndarray:
    """Hold the wall of an AHA segment where it is at end-diastole: the segment is akinetic.

    Parameters
    ----------
    labels, ed_labels : ndarray, shape (z, y, x)
        Canonical labels of a frame and of end-diastole, in canonical orientation.
    segment : int
        1 to 16, as in `synthaug.metrics.clinical.wall_thickness_mm`, found at end-diastole.
    spacing_mm, name
        As of `dilate_lv`.
    taper_degrees : float
        Angle beyond either end of the segment over which its borders go over into those of the frame.

    Returns
    -------
    ndarray of uint8, shape (z, y, x)
        Within the segment both borders are those of end-diastole, beyond the taper those of the frame. Slices without
        cavity and wall in the frame stay so.

    Raises
    ------
    SynthaugError
        No such segment, or no septum to find it by.
    """
    if not 1 <= segment <= N_SEGMENTS:
        raise SynthaugError(f"AHA segment {segment}: give one of 1 to {N_SEGMENTS}")
    weights = segment_weights(ed_labels, spacing_mm, segment, taper_degrees)
    if not (weights > 0).any():
        raise SynthaugError(
            f"{name}: AHA segment {segment} cannot be found at end-diastole; masks need a right ventricle that touches "
            "the septum, and slices of the segment"
        )
    # A slice that the ventricle has left, as basal ones are at end-systole, has no wall to hold.
    ventricle = (labels == LV) | (labels == MYO)
    weights = weights * ventricle.any(axis=(1, 2))[:, None, None]
    still, moving = borders_of(ed_labels, spacing_mm), borders_of(labels, spacing_mm)
    mixed = Borders(*(weights * held + (1 - weights) * own for held, own in zip(still, moving, strict=True)))
    return labels_of(mixed, labels, name)
