"""Diameters, lengths, areas and shape of the cavities."""

from __future__ import annotations

import numpy as np

from synthaug.metrics.short_axis_rays import ANGLES, mean_direction
from synthaug.phenotypes.phase import Phase, mean_or_nan, ratio

_BASAL, _MID, _APICAL = range(3)
_NAN = float("nan")
#: Septal rays on both sides of the septum's middle along which the RV's diameter is measured.
_HALF_MIDDLE_DEG = 15


def measure_cavities(ed: Phase | None, es: Phase | None) -> dict[str, float]:
    """Phenotypes of the groups *diameters and lengths* and *shape*.

    Parameters
    ----------
    ed, es : Phase or None
        None where not labelled.

    Returns
    -------
    dict of str to float
        In mm, percent and ratios; NaN is unknown: not labelled, absent, cut, or no slice in the third.
    """
    found: dict[str, float] = {}
    areas: dict[str, dict[str, float]] = {}
    for name, phase in (("ed", ed), ("es", es)):
        if phase is None:
            areas[name] = {"LV": _NAN, "RV": _NAN}
            continue
        areas[name] = {side: mean_or_nan(phase.areas_mm2(side, _MID)) for side in ("LV", "RV")}
        mid = mean_diameter_mm(phase.areas_mm2("LV", _MID))
        length = phase.length_mm("LV")
        found |= {
            f"lv_diameter_basal_{name}_mm": mean_diameter_mm(phase.areas_mm2("LV", _BASAL)),
            f"lv_diameter_mid_{name}_mm": mid,
            f"rv_diameter_basal_{name}_mm": _right_diameter_mm(phase, _BASAL),
            f"rv_diameter_mid_{name}_mm": _right_diameter_mm(phase, _MID),
            f"lv_epicardial_diameter_mid_{name}_mm": mean_diameter_mm(phase.epicardial_areas_mm2(_MID)),
            f"lv_length_{name}_mm": length,
            f"rv_length_{name}_mm": phase.length_mm("RV"),
            f"rv_lv_area_ratio_{name}": ratio(areas[name]["RV"], areas[name]["LV"]),
            f"lv_sphericity_{name}": 1000 * phase.volume_ml("LV") / (np.pi / 6 * length**3),
            f"lv_diameter_length_ratio_{name}": mid / length,
            f"lv_conicity_{name}": ratio(mean_diameter_mm(phase.areas_mm2("LV", _APICAL)), mid),
        }
    of = dict.fromkeys(("lv_diameter_mid_ed_mm", "lv_diameter_mid_es_mm"), _NAN) | found
    found["rv_lv_diameter_ratio_ed"] = ratio(
        found.get("rv_diameter_basal_ed_mm", _NAN), found.get("lv_diameter_basal_ed_mm", _NAN)
    )
    found["lv_fractional_shortening"] = _shortening(of["lv_diameter_mid_ed_mm"], of["lv_diameter_mid_es_mm"])
    for side in ("LV", "RV"):
        found[f"{side.lower()}_fractional_area_change"] = _shortening(areas["ed"][side], areas["es"][side])
    return found


def mean_diameter_mm(areas_mm2: np.ndarray) -> float:
    """Mean diameter in mm of the circles with these areas in mm2; NaN without any."""
    return mean_or_nan(np.sqrt(4 / np.pi * areas_mm2))


def _right_diameter_mm(phase: Phase, third: int) -> float:
    """From the middle of the septum to the free wall, mean over the slices of a third that have a septum."""
    if not phase.is_whole("RV") or not phase.is_whole("LV"):
        return _NAN
    in_third = phase.rays.third == third
    widths = []
    for septal, right in zip(phase.rays.septal[in_third], phase.rays.right_mm[in_third], strict=True):
        from_middle = np.abs((ANGLES - mean_direction(septal) + 180) % 360 - 180)
        # The single longest ray would be a pixel too long.
        middle = septal & (from_middle <= _HALF_MIDDLE_DEG)
        if middle.any():
            widths.append(right[middle].mean())
    return mean_or_nan(np.array(widths))


def _shortening(ed: float, es: float) -> float:
    """100 (ED - ES) / ED."""
    return 100 * ratio(ed - es, ed)
