"""Where a map looks: its mass in a region against the region's size, and the pointing game against chance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import distance_transform_edt

from synthaug.metrics.percentile_bootstrap import Interval, bootstrap_mean_interval


class RegionMass(NamedTuple):
    """Mass of a map in a region.

    Attributes
    ----------
    share : float
        Of the map's sum, in [0, 1].
    expected : float
        Share of a map that is the same everywhere: that of the region's volume.
    """

    share: float
    expected: float


class PointingGame(NamedTuple):
    """How often the largest values of maps lie in their regions.

    Attributes
    ----------
    accuracy : float
        Mean over patients.
    chance : float
        The same of points that are drawn uniformly, each patient in its own field.
    excess : float
        accuracy - chance.
    interval : Interval
        Of the excess, over patients.
    n : int
        Patients.
    """

    accuracy: float
    chance: float
    excess: float
    interval: Interval
    n: int


def mass_in_region(values: np.ndarray, region: np.ndarray, within: np.ndarray | None = None) -> RegionMass:
    """Share of a map's mass that lies in a region (energy-based pointing).

    Parameters
    ----------
    values : ndarray, any shape
        Not negative.
    region : ndarray of bool, same shape
    within : ndarray of bool, same shape, optional
        The field in which both shares are measured, such as a window around the heart; everything where not given.

    Raises
    ------
    ValueError
        A negative or non-finite value in the field, a map without mass, or an empty field.

    References
    ----------
    Wang et al., Score-CAM, CVPR workshops 2020, section 4.3.
    """
    field = np.ones(region.shape, bool) if within is None else within
    inside = values[field]
    if not inside.size or not np.isfinite(inside).all() or inside.min() < 0 or not inside.sum():
        raise ValueError(
            "a map needs finite values of at least 0 with a sum above 0 in the field; leave out missing slices and words"
        )
    there = region[field]
    return RegionMass(float(inside[there].sum() / inside.sum()), float(there.mean()))


def points_at(
    values: np.ndarray,
    region: np.ndarray,
    spacing_mm: tuple[float, float, float],
    tolerance_mm: float = 0.0,
    within: np.ndarray | None = None,
) -> float:
    """Whether the largest value lies in a region, or no further from it than a tolerance.

    Parameters
    ----------
    values : ndarray, shape (..., z, y, x)
    region : ndarray of bool, same shape
        Frames in which it is empty are left out.
    spacing_mm : tuple of 3 floats
        (z, y, x).
    tolerance_mm : float
        From voxel centre to the centre of the nearest voxel of the region.
    within : ndarray of bool, same shape, optional
        Voxels that may be pointed at; all where not given.

    Returns
    -------
    float
        Mean over frames of 1 where it does, 0 where not, or the share of equal largest values that do: a constant map
        has `chance_of_pointing`. NaN without a frame to judge.

    References
    ----------
    Zhang et al., Top-down neural attention by excitation backprop, IJCV 2018.
    """
    field = np.ones(region.shape, bool) if within is None else within
    found = []
    for frame_values, target, allowed in zip(*map(_frames, (values, region, field)), strict=True):
        if target.any() and allowed.any():
            near = _near(target, spacing_mm, tolerance_mm)[allowed]
            inside = frame_values[allowed]
            found.append(near[inside == inside.max()].mean())
    return float(np.mean(found)) if found else float("nan")


def chance_of_pointing(
    region: np.ndarray,
    spacing_mm: tuple[float, float, float],
    tolerance_mm: float = 0.0,
    within: np.ndarray | None = None,
) -> float:
    """`points_at` of a point that is drawn uniformly in the field; arguments as its own."""
    return points_at(np.zeros(region.shape), region, spacing_mm, tolerance_mm, within)


def pointing_game(
    hits: np.ndarray, chances: np.ndarray, replicates: int, confidence: float = 0.95, seed: int = 0
) -> PointingGame:
    """Accuracy of pointing against chance.

    Parameters
    ----------
    hits, chances : ndarray, shape (n,)
        Of each patient, from `points_at` and `chance_of_pointing`; patients with NaN are left out.
    replicates, confidence, seed
        Of the bootstrap over patients.

    Raises
    ------
    ValueError
        No patient is left.
    """
    known = np.isfinite(hits) & np.isfinite(chances)
    if not known.any():
        raise ValueError("no patient has a region to point at; give masks with that region")
    hits, chances = hits[known], chances[known]
    excess = hits - chances
    return PointingGame(
        float(hits.mean()),
        float(chances.mean()),
        float(excess.mean()),
        bootstrap_mean_interval(excess, replicates, confidence, seed),
        int(known.sum()),
    )


def _frames(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, *values.shape[-3:])


def _near(region: np.ndarray, spacing_mm: tuple[float, float, float], tolerance_mm: float) -> np.ndarray:
    if not tolerance_mm:
        return region
    return np.asarray(distance_transform_edt(~region, sampling=spacing_mm) <= tolerance_mm)
