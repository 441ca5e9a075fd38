"""The septum: eccentricity index, curvature, and curvature relative to the free wall."""

from __future__ import annotations

import numpy as np

from synthaug.metrics.short_axis_rays import ANGLES, mean_direction
from synthaug.phenotypes.phase import Phase, mean_or_nan, ratio

_MID = 1
#: Rays of an arc, one a degree, below which it says too little of its circle.
_LEAST_ARC = 45


def measure_septum(ed: Phase | None, es: Phase | None) -> dict[str, float]:
    """Phenotypes of the group *septum*.

    Parameters
    ----------
    ed, es : Phase or None
        None where not labelled.

    Returns
    -------
    dict of str to float
        Ratios and curvatures in 1/mm; NaN is unknown: not labelled, the cavity is absent or cut, or no slice of the
        mid third has a septum and a free wall of at least 45 degrees each.
    """
    found: dict[str, float] = {}
    for name, phase in (("ed", ed), ("es", es)):
        if phase is None or not phase.is_whole("LV"):
            continue
        rays = phase.rays
        n_septal = rays.septal.sum(1)
        arcs = (n_septal >= _LEAST_ARC) & (n_septal <= len(ANGLES) - _LEAST_ARC)
        usable = (rays.third == _MID) & arcs & np.isfinite(rays.inner_mm).all(1)
        direction = np.deg2rad(ANGLES)
        eccentricity, septal, free = [], [], []
        for inner, in_septum in zip(rays.inner_mm[usable], rays.septal[usable], strict=True):
            border = inner[:, None] * np.stack([np.cos(direction), np.sin(direction)], axis=1)
            across = np.deg2rad(mean_direction(in_septum))
            widths = [
                np.ptp(border @ [np.cos(angle), np.sin(angle)]) for angle in (across + np.pi / 2, across)
            ]
            eccentricity.append(widths[0] / widths[1])
            septal.append(curvature_per_mm(border[in_septum]))
            free.append(curvature_per_mm(border[~in_septum]))
        curvature = mean_or_nan(np.array(septal))
        found |= {
            f"lv_eccentricity_{name}": mean_or_nan(np.array(eccentricity)),
            f"septal_curvature_{name}_per_mm": curvature,
            f"septal_curvature_ratio_{name}": ratio(curvature, mean_or_nan(np.array(free))),
        }
    return found


def curvature_per_mm(points_mm: np.ndarray) -> float:
    """Curvature of the arc on which points lie, as seen from the origin.

    Parameters
    ----------
    points_mm : ndarray, shape (n, 2)
        At least 3 points.

    Returns
    -------
    float
        1/R of the circle that fits best, in 1/mm: positive where its centre lies on the origin's side of the arc, 0
        for points on a line.

    References
    ----------
    Taubin, IEEE Trans. Pattern Anal. Mach. Intell. 13, 1991.
    """
    mean = points_mm.mean(0)
    centred = points_mm - mean
    squared = (centred**2).sum(1)
    size = squared.mean()
    design = np.column_stack([(squared - size) / (2 * np.sqrt(size)), centred])
    # a |p|^2 + b . p - a size = 0 is the circle; its gradient at the points has unit mean square.
    a, *b = np.linalg.svd(design, full_matrices=False)[2][-1]
    a /= 2 * np.sqrt(size)
    curvature = 2 * abs(a) / np.sqrt(b[0] ** 2 + b[1] ** 2 + 4 * a**2 * size)
    towards_centre = -np.array(b) * a
    return float(np.copysign(curvature, -(towards_centre @ mean)))
