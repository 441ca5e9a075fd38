"""Both borders of the left ventricle as distances in the plane, and labels made of moved borders.

Slices lie 8 to 10 mm apart, so that borders move within their slice. What lies outside of the ventricle stays where the
ventricle does not take it; what the ventricle gives up becomes what is nearest, right ventricle or background.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from synthaug.core.errors import SynthaugError
from synthaug.labels import BACKGROUND, LV, MYO


class Borders(NamedTuple):
    """Distances to the borders of the left ventricle in one labelled frame.

    Attributes
    ----------
    cavity, ventricle : ndarray, shape (z, y, x)
        Distance in mm to the border of the cavity, and of cavity and myocardium together, within the slice: positive
        inside, at least half a pixel; far negative in a slice that has none.
    """

    cavity: np.ndarray
    ventricle: np.ndarray


def borders_of(labels: np.ndarray, spacing_mm: Sequence[float]) -> Borders:
    """Borders of labels (z, y, x) with voxels of `spacing_mm` (z, y, x)."""
    cavity = labels == LV
    return Borders(*(_distances(mask, spacing_mm) for mask in (cavity, cavity | (labels == MYO))))


def _distances(masks: np.ndarray, spacing_mm: Sequence[float]) -> np.ndarray:
    """Signed distances within each slice; a border lies halfway between voxels of two kinds."""
    plane = tuple(spacing_mm[1:])
    far = 2 * float(np.hypot(*(length * size for length, size in zip(masks.shape[1:], plane, strict=True))))
    found = np.full(masks.shape, -far)
    half = min(plane) / 2
    for z in np.flatnonzero(masks.any(axis=(1, 2))):
        inside = ndimage.distance_transform_edt(masks[z], sampling=plane) - half
        outside = ndimage.distance_transform_edt(~masks[z], sampling=plane) - half
        found[z] = np.where(masks[z], inside, -outside)
    return found


def labels_of(borders: Borders, before: np.ndarray, name: str) -> np.ndarray:
    """Labels of moved borders.

    Parameters
    ----------
    borders : Borders
        Where they are positive lies the cavity, and the ventricle with its wall.
    before : ndarray, shape (z, y, x)
        Canonical labels before; what they say of outside of the ventricle stays.
    name : str
        Frame, for a message.

    Returns
    -------
    ndarray of uint8, shape (z, y, x)
        The cavity lies within the ventricle, and the right ventricle outside of it.

    Raises
    ------
    SynthaugError
        The cavity or the wall vanishes, or the ventricle reaches the edge of the image.
    """
    cavity = borders.cavity > 0
    ventricle = (borders.ventricle > 0) | cavity
    # A cavity that is closed before, as at end-systole of a small heart, stays closed.
    parts = (("LV cavity", before == LV, cavity), ("wall", before == MYO, ventricle & ~cavity))
    for what, was, is_left in parts:
        if was.any() and not is_left.any():
            raise SynthaugError(f"{name}: nothing is left of the {what}; give a smaller change")
    edge = np.ones(ventricle.shape[1:], bool)
    edge[1:-1, 1:-1] = False
    held = (before == LV) | (before == MYO)
    if (ventricle & edge).any() and not (held & edge).any():
        raise SynthaugError(f"{name}: the LV reaches the edge of the image; give a smaller change")
    # Rounding to voxels may leave a gap in a thin wall; an open base stays open.
    closed = ~_touches_outside(before == LV, held).any(axis=(1, 2))
    ventricle[closed] |= _spread(cavity)[closed]
    made = _without_ventricle(before)
    made[ventricle] = MYO
    made[cavity] = LV
    return made


def _spread(mask: np.ndarray) -> np.ndarray:
    """A mask (z, y, x) and its neighbours to four sides within each slice."""
    four = ndimage.generate_binary_structure(2, 1)[None]
    spread: np.ndarray = ndimage.binary_dilation(mask, four)
    return spread


def _touches_outside(cavity: np.ndarray, ventricle: np.ndarray) -> np.ndarray:
    """Voxels outside of the ventricle beside the cavity."""
    return _spread(cavity) & ~ventricle


def _without_ventricle(labels: np.ndarray) -> np.ndarray:
    """The same labels with each voxel of the left ventricle as the nearest other voxel of its slice."""
    made = np.array(labels, np.uint8)
    ventricle = (labels == LV) | (labels == MYO)
    for z in np.flatnonzero(ventricle.any(axis=(1, 2))):
        if ventricle[z].all():
            made[z] = BACKGROUND
            continue
        nearest = ndimage.distance_transform_edt(ventricle[z], return_distances=False, return_indices=True)
        made[z] = labels[z][tuple(nearest)]
    return made
