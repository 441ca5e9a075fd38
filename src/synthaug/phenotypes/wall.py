"""Wall thickness and thickening: means, extremes, thirds and the 16 AHA segments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from synthaug.metrics.clinical import N_SEGMENTS, segment_thickness_mm
from synthaug.phenotypes.phase import Phase, mean_or_nan

#: Segments of each third, and of the walls that are compared; segment n is at index n - 1.
_THIRDS = {"basal": slice(0, 6), "mid": slice(6, 12), "apical": slice(12, 16)}
_SEPTAL, _LATERAL, _INFEROLATERAL = ([1, 2, 7, 8], [4, 5, 10, 11], [4, 10])


def measure_wall(ed: Phase | None, es: Phase | None, basal_diameter_ed_mm: float) -> dict[str, float]:
    """Phenotypes of the groups *wall* and *wall by AHA segment*.

    Parameters
    ----------
    ed, es : Phase or None
        None where not labelled.
    basal_diameter_ed_mm : float
        Basal diameter of the LV at ED; NaN where unknown.

    Returns
    -------
    dict of str to float
        In mm and percent; NaN is unknown.
    """
    thickness = {"ed": _thickness(ed), "es": _thickness(es)}
    thickening = 100 * (thickness["es"] - thickness["ed"]) / thickness["ed"]
    found: dict[str, float] = {}
    for phase, segments in thickness.items():
        found[f"wall_thickness_mean_{phase}_mm"] = _over_known(np.mean, segments)
        found[f"wall_thickness_max_{phase}_mm"] = _over_known(np.max, segments)
        for third, of_third in _THIRDS.items():
            found[f"wall_thickness_{third}_{phase}_mm"] = mean_or_nan(segments[of_third])
        for index, value in enumerate(segments, start=1):
            found[f"wall_thickness_aha{index:02d}_{phase}_mm"] = float(value)
    for index, value in enumerate(thickening, start=1):
        found[f"wall_thickening_aha{index:02d}"] = float(value)
    diastolic = thickness["ed"]
    return found | {
        "wall_thickening_mean": _over_known(np.mean, thickening),
        "wall_thickening_max": _over_known(np.max, thickening),
        "wall_thickening_min": _over_known(np.min, thickening),
        "wall_septal_lateral_ratio_ed": float(diastolic[_SEPTAL].mean() / diastolic[_LATERAL].mean()),
        "lv_relative_wall_thickness": float(2 * diastolic[_INFEROLATERAL].mean() / basal_diameter_ed_mm),
    }


def _thickness(phase: Phase | None) -> np.ndarray:
    """Thickness of the 16 segments; NaN where the centroid of a cut cavity would not be its centre."""
    if phase is None or not phase.is_whole("LV"):
        return np.full(N_SEGMENTS, np.nan)
    return segment_thickness_mm(phase.rays)


def _over_known(statistic: Callable[[np.ndarray], float], segments: np.ndarray) -> float:
    known = segments[np.isfinite(segments)]
    return float(statistic(known)) if len(known) else float("nan")
