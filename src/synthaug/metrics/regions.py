"""Regions of a labelled cine by name: structures, and walls of the LV's myocardium."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import distance_transform_edt

from synthaug.labels import BACKGROUND, LV, MYO, STRUCTURES, UNLABELLED, WALLS
from synthaug.metrics.aha_segments import segment_weights


def region(labels: np.ndarray, name: str, spacing_mm: Sequence[float]) -> np.ndarray:
    """Voxels of a structure or of a wall.

    Parameters
    ----------
    labels : ndarray, shape (t, z, y, x)
        Canonical labels in canonical orientation.
    name : str
        ``"LV"``, ``"MYO"``, ``"RV"`` or a key of `synthaug.labels.WALLS`.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).

    Returns
    -------
    ndarray of bool, shape (t, z, y, x)
        Of a wall, no voxel of a frame whose segments cannot be found.
    """
    if name in STRUCTURES:
        return np.asarray(labels == STRUCTURES[name])
    return np.stack([_wall(frame, WALLS[name], spacing_mm) for frame in labels])


def around(labels: np.ndarray, distance_mm: float, spacing_mm: Sequence[float]) -> np.ndarray:
    """Voxels within a distance of any structure in the same frame; shapes as of `region`."""
    heart = (labels != BACKGROUND) & (labels != UNLABELLED)
    near = [
        distance_transform_edt(~frame, sampling=spacing_mm) <= distance_mm
        if frame.any()
        else np.zeros_like(frame)
        for frame in heart
    ]
    return np.stack(near)


def _wall(frame: np.ndarray, segments: Sequence[int], spacing_mm: Sequence[float]) -> np.ndarray:
    muscle = frame == MYO
    if not (muscle.any() and (frame == LV).any()):
        return np.zeros(frame.shape, bool)
    weights = [segment_weights(frame, spacing_mm, segment) for segment in segments]
    return np.asarray(muscle & (np.max(weights, axis=0) > 0))
