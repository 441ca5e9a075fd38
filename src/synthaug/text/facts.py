"""From one row of a cohort's table or of requests to named facts.

A fact has a name and a value in words. What the row does not know stays unsaid, and so does what lies between two
thresholds where the sources leave a gap.

One set of thresholds serves training subjects and requests. Requests have neither body surface nor sex, so that limits
that a source gives for one m2 stand here for a body surface of `BODY_SURFACE_M2`.

References
----------
Lang et al., J. Am. Soc. Echocardiogr. 28, 2015, table 4 (LV ejection fraction of men). Bernard et al., IEEE TMI 37(11),
2018 (ACDC's criteria: dilated LV above 100 mL/m2, dilated RV above 110 mL/m2, RV ejection fraction below 40 %, wall
above 15 mm). Petersen et al., J. Cardiovasc. Magn. Reson. 19:18, 2017 (LV mass of healthy men 53 +- 9 g/m2). Elliott et
al., Eur. Heart J. 35, 2014 (wall of at least 15 mm in hypertrophic cardiomyopathy). Cerqueira et al., Circulation 105,
2002 (segments). Wall thickening of a normal segment is above 40 %, of a hypokinetic one below 30 %, of an akinetic one
below 10 %, as echocardiography commonly grades it; 30 to 40 % is left unsaid.

An infarct in a failing ventricle may thicken by more than 10 %, because a segment is wider than the scar and its neighbours
pull at it. There the wall counts that thickens clearly less than the others do: `MOST_REDUCED`, our own limit, checked on
hearts that did not set it (benchmarks/wall_motion.py, docs/text.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthaug.labels import JOINED, SIX_WALLS, WALLS

#: Body surface for which limits per m2 are taken, in m2.
BODY_SURFACE_M2 = 1.9
#: Least LV ejection fraction of each category, in percent.
EF_LIMITS = (
    (72.0, "hyperdynamic"),
    (52.0, "normal"),
    (41.0, "mildly reduced"),
    (30.0, "moderately reduced"),
    (0.0, "severely reduced"),
)
#: LV EDV above which the ventricle is dilated, and 1.3 times that: severely.
LV_DILATED_ML = 100 * BODY_SURFACE_M2
LV_SEVERELY_DILATED_ML = 1.3 * LV_DILATED_ML
RV_DILATED_ML = 110 * BODY_SURFACE_M2
RV_EF_REDUCED = 40.0
#: Mean of healthy men and two standard deviations.
MASS_INCREASED_G = (53 + 2 * 9) * BODY_SURFACE_M2
HYPERTROPHY_MM = 15.0
#: A wall below this is not hypertrophic; between the two it is unsaid.
NO_HYPERTROPHY_MM = 12.0
AKINETIC, HYPOKINETIC, NORMAL_THICKENING = 10.0, 30.0, 40.0
#: Of a globally hypokinetic ventricle, thickening of a wall relative to the median of the others, below which it is named.
MOST_REDUCED = 2 / 3

#: AHA segment: level and wall.
SEGMENT_NAMES = {
    number: f"{level} {wall}"
    for number, (level, wall) in enumerate(
        [
            *((level, wall) for level in ("basal", "mid") for wall in SIX_WALLS),
            *(("apical", wall) for wall in ("anterior", "septal", "inferior", "lateral")),
        ],
        start=1,
    )
}
#: Facts whose value are walls, separated by spaces.
WALL_FACTS = ("akinetic", "hypokinetic", "most_reduced")
#: Steps to which numbers are rounded in a sentence.
STEPS = {"ef_percent": 5, "lv_edv_ml": 10, "lv_esv_ml": 10, "rv_edv_ml": 10, "myo_mass_g": 10}
#: Largest number that the grammar spells, of each.
LARGEST = {"ef_percent": 85, "lv_edv_ml": 500, "lv_esv_ml": 450, "rv_edv_ml": 500, "myo_mass_g": 400}

Facts = dict[str, str]


def facts_of(row: Mapping[str, Any]) -> Facts:
    """Facts of one subject or request, in the order of a sentence.

    Parameters
    ----------
    row : mapping
        Columns of a cohort's table or of requests, phenotypes among them; unknown is None, NA or NaN, or absent.

    Returns
    -------
    dict of str to str
        Some of ``diagnosis`` (code), ``ef`` (category), ``ef_percent``, ``lv_size``, ``lv_edv_ml``, ``lv_esv_ml``,
        ``wall`` (``"none"`` or the thickest segment, in words), ``motion`` (``"normal"``, ``"global"``),
        ``akinetic``, ``hypokinetic`` and ``most_reduced`` (walls, separated by spaces), ``rv_size``, ``rv_edv_ml``, ``rv_ef``,
        ``mass`` (``"increased"`` or ``"normal"``), ``myo_mass_g``, ``vendor``, ``field`` (T), ``sequence`` (as the
        table spells it; of a cine none).
    """
    facts: Facts = {}
    _say(facts, "diagnosis", _text(row, "diagnosis"))
    edv_ml, esv_ml = number_of(row, "lv_edv_ml"), number_of(row, "lv_esv_ml")
    if ef := _ejection_fraction(row, edv_ml, esv_ml):
        facts["ef"] = next(name for least, name in EF_LIMITS if ef >= least)
        facts["ef_percent"] = spelled("ef_percent", ef)
    if edv_ml:
        severe, dilated = edv_ml > LV_SEVERELY_DILATED_ML, edv_ml > LV_DILATED_ML
        facts["lv_size"] = "severely dilated" if severe else "dilated" if dilated else "normal"
        facts["lv_edv_ml"] = spelled("lv_edv_ml", edv_ml)
    if esv_ml:
        facts["lv_esv_ml"] = spelled("lv_esv_ml", esv_ml)
    facts |= _wall(row)
    facts |= _motion(row)
    rv_edv_ml, rv_ef = number_of(row, "rv_edv_ml"), number_of(row, "rv_ef")
    if rv_edv_ml:
        facts["rv_size"] = "dilated" if rv_edv_ml > RV_DILATED_ML else "normal"
        facts["rv_edv_ml"] = spelled("rv_edv_ml", rv_edv_ml)
    if rv_ef:
        facts["rv_ef"] = "reduced" if rv_ef < RV_EF_REDUCED else "preserved"
    if mass_g := number_of(row, "myo_mass_g"):
        facts["mass"] = "increased" if mass_g > MASS_INCREASED_G else "normal"
        facts["myo_mass_g"] = spelled("myo_mass_g", mass_g)
    _say(facts, "vendor", _text(row, "vendor"))
    if field := number_of(row, "field_strength_t"):
        facts["field"] = f"{field:.3g}"
    _say(facts, "sequence", _text(row, "sequence"))
    return facts


def number_of(row: Mapping[str, Any], name: str) -> float | None:
    """A positive or negative finite number of the row; None where it is unknown or none."""
    value = row.get(name)
    try:
        number = math.nan if value is None else float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def spelled(name: str, value: float) -> str:
    """A number as a sentence spells it: rounded to its step and kept within what the grammar spells."""
    step = STEPS[name]
    return str(int(np.clip(step * math.floor(value / step + 0.5), step, LARGEST[name])))


def numbers() -> list[str]:
    """Every number that the grammar spells, ascending."""
    found = {number for name, step in STEPS.items() for number in range(step, LARGEST[name] + 1, step)}
    return [str(number) for number in sorted(found)]


def _say(facts: Facts, name: str, value: str | None) -> None:
    if value is not None:
        facts[name] = value


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return value.strip() or None if isinstance(value, str) else None


def _ejection_fraction(row: Mapping[str, Any], edv_ml: float | None, esv_ml: float | None) -> float | None:
    """From the volumes; of a row without them, what it says itself. Not below 0: a mask at ES may be the larger one."""
    if edv_ml and esv_ml is not None:
        percent: float | None = 100 * (edv_ml - esv_ml) / edv_ml
    else:
        percent = number_of(row, "lv_ef")
    return None if percent is None else max(0.0, percent)


def _wall(row: Mapping[str, Any]) -> Facts:
    """Hypertrophy and the thickest segment."""
    thickness = {
        segment: value
        for segment in SEGMENT_NAMES
        if (value := number_of(row, f"wall_thickness_aha{segment:02d}_ed_mm")) is not None
    }
    thickest = number_of(row, "wall_thickness_max_ed_mm")
    if thickest is None and thickness:
        thickest = max(thickness.values())
    if thickest is None:
        return {}
    if thickest < NO_HYPERTROPHY_MM:
        return {"wall": "none"}
    if thickest < HYPERTROPHY_MM:
        return {}
    if not thickness:
        return {"wall": "hypertrophy"}
    return {"wall": SEGMENT_NAMES[max(thickness, key=lambda segment: thickness[segment])]}


def _motion(row: Mapping[str, Any]) -> Facts:
    """Motion of each wall by the median thickening of its segments, of which half must be known."""
    thickening: dict[str, float] = {}
    for wall, segments in SIX_WALLS.items():
        known = [
            value
            for segment in segments
            if (value := number_of(row, f"wall_thickening_aha{segment:02d}")) is not None
        ]
        if 2 * len(known) >= len(segments):
            thickening[wall] = float(np.median(known))
    if len(thickening) < len(SIX_WALLS):
        return {}
    akinetic = [wall for wall, value in thickening.items() if value < AKINETIC]
    hypokinetic = [wall for wall, value in thickening.items() if AKINETIC <= value < HYPOKINETIC]
    if len(akinetic) + len(hypokinetic) == len(SIX_WALLS):
        return {"motion": "global", **_worst_walls(thickening, akinetic)}
    if min(thickening.values()) > NORMAL_THICKENING:
        return {"motion": "normal"}
    found = {"akinetic": _together(akinetic), "hypokinetic": _together(hypokinetic)}
    return {name: walls for name, walls in found.items() if walls}


def _worst_walls(thickening: Mapping[str, float], akinetic: Sequence[str]) -> Facts:
    """Of a globally hypokinetic ventricle the akinetic walls, unless all are; else those that thicken clearly less than the others."""
    if akinetic:
        return {"akinetic": _together(akinetic)} if len(akinetic) < len(thickening) else {}
    worst = [
        wall
        for wall, value in thickening.items()
        if value < MOST_REDUCED * np.median([other for name, other in thickening.items() if name != wall])
    ]
    return {"most_reduced": _together(worst)} if worst else {}


def _together(walls: Sequence[str]) -> str:
    """Names of walls, separated by spaces; two that have a name together by that name."""
    named = set(walls)
    for name, pair in JOINED.items():
        if named.issuperset(pair):
            named = {*named.difference(pair), name}
    return " ".join(sorted(named, key=list(WALLS).index))
