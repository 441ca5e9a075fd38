"""Facts that cannot both be true: within a sentence, and between a sentence and the numbers of its row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from synthaug.text.facts import (
    EF_LIMITS,
    LV_DILATED_ML,
    LV_SEVERELY_DILATED_ML,
    MASS_INCREASED_G,
    RV_DILATED_ML,
    WALL_FACTS,
    facts_of,
)
from synthaug.text.words import words


class Claim(NamedTuple):
    """One fact that a sentence claims, and the clause that does."""

    name: str
    value: str
    clause: str


_TITLES = {
    "diagnosis": "diagnosis",
    "ef": "ejection fraction",
    "ef_percent": "ejection fraction",
    "lv_size": "left ventricle",
    "lv_edv_ml": "LV end-diastolic volume",
    "lv_esv_ml": "LV end-systolic volume",
    "wall": "wall thickness",
    "motion": "wall motion",
    "akinetic": "akinesia",
    "hypokinetic": "hypokinesia",
    "most_reduced": "wall that moves least",
    "rv_size": "right ventricle",
    "rv_edv_ml": "RV end-diastolic volume",
    "rv_ef": "RV function",
    "mass": "myocardial mass",
    "myo_mass_g": "myocardial mass",
    "vendor": "vendor",
    "field": "field strength",
    "sequence": "sequence",
}
_UNITS = {
    "ef_percent": "%",
    "lv_edv_ml": "mL",
    "lv_esv_ml": "mL",
    "rv_edv_ml": "mL",
    "myo_mass_g": "g",
    "field": "T",
}
#: Differences of two numbers of one name that rounding and measurement explain.
_EF_TOLERANCE, _RELATIVE_TOLERANCE = 7.5, 0.2
#: The same of a field strength: scanners of 3 T record 2.89 T.
_FIELD_TOLERANCE = 0.1
#: Facts of a row that its numbers say more exactly: near a threshold the category alone would contradict.
_BY_NUMBER = {"ef": "ef_percent", "lv_size": "lv_edv_ml", "rv_size": "rv_edv_ml", "mass": "myo_mass_g"}


def within(claims: Sequence[Claim]) -> Iterator[str]:
    """One line for each two claims of a sentence that cannot both be true."""
    for index, first in enumerate(claims):
        for second in claims[index + 1 :]:
            if conflict(first.name, first.value, second.name, second.value):
                yield f"{first.clause!r} contradicts {second.clause!r}"


def against(claims: Sequence[Claim], row: Mapping[str, Any]) -> Iterator[str]:
    """One line for each claim and each fact of its row, as of `facts_of`, that cannot both be true."""
    facts = facts_of(row)
    for category, number in _BY_NUMBER.items():
        if number in facts:
            facts.pop(category, None)
    for claim in claims:
        for name, value in facts.items():
            if conflict(claim.name, claim.value, name, value):
                unit = f" {_UNITS[name]}" if name in _UNITS else ""
                yield f"{claim.clause!r} contradicts the {_TITLES[name]} of its row, {value}{unit}"


def conflict(first: str, first_value: str, second: str, second_value: str) -> bool:
    """Whether two facts, given by name and value, cannot both be true."""
    pair = {first: first_value, second: second_value}
    if first == second:
        return first_value.lower() != second_value.lower() and _same_name(first, first_value, second_value)
    return any(_one_way(pair, name, other) for name, other in ((first, second), (second, first)))


def _same_name(name: str, first: str, second: str) -> bool:
    if name in ("wall", *WALL_FACTS):
        return name == "wall" and "none" in (first, second)
    if name == "ef_percent":
        return abs(float(first) - float(second)) > _EF_TOLERANCE
    if name in _UNITS:
        tolerance = _FIELD_TOLERANCE if name == "field" else _RELATIVE_TOLERANCE
        return abs(float(first) - float(second)) > tolerance * max(float(first), float(second))
    if name == "ef" and "reduced" in (first, second):
        return not (first.endswith("reduced") and second.endswith("reduced"))
    if name == "lv_size":
        return "normal" in (first, second)
    if name == "sequence":
        return words(first) != words(second)
    if name == "vendor":  # "Siemens Healthineers" is Siemens
        return not set(words(first)) & set(words(second))
    return True


def _ef_range(category: str) -> tuple[float, float]:
    """Least and greatest ejection fraction of a category."""
    if category == "reduced":
        return 0.0, {name: least for least, name in EF_LIMITS}["normal"]
    upper = 100.0
    for least, name in EF_LIMITS:
        if name == category:
            return least, upper
        upper = least
    return 0.0, 100.0


def _one_way(pair: Mapping[str, str], name: str, other: str) -> bool:
    value, against = pair[name], pair[other]
    margin = 1 + _RELATIVE_TOLERANCE / 2
    match name, other:
        case "ef", "ef_percent":
            least, greatest = _ef_range(value)
            return not least - _EF_TOLERANCE / 2 <= float(against) <= greatest + _EF_TOLERANCE / 2
        case ("lv_size", "lv_edv_ml") | ("rv_size", "rv_edv_ml") | ("mass", "myo_mass_g"):
            limit = {
                "lv_size": LV_SEVERELY_DILATED_ML if value.startswith("severely") else LV_DILATED_ML,
                "rv_size": RV_DILATED_ML,
                "mass": MASS_INCREASED_G,
            }[name]
            return float(against) > limit * margin if value == "normal" else float(against) < limit / margin
        case "motion", ("akinetic" | "hypokinetic" | "most_reduced"):
            return value == "normal"
        case "motion", "ef":
            return value == "global" and against in ("normal", "hyperdynamic")
        case "motion", "ef_percent":
            return value == "global" and float(against) > _ef_range("normal")[0] + _EF_TOLERANCE / 2
        case "diagnosis", _:
            return _diagnosis_conflict(value, other, against)
    return False


def _diagnosis_conflict(code: str, name: str, value: str) -> bool:
    normal_ef = _ef_range("normal")[0]
    if code == "NOR":
        return (
            (name == "ef" and value.endswith("reduced"))
            or (name == "ef_percent" and float(value) < normal_ef - _EF_TOLERANCE)
            or (name in ("lv_size", "rv_size") and value != "normal")
            or (name == "lv_edv_ml" and float(value) > LV_SEVERELY_DILATED_ML)
            or (name == "wall" and value != "none")
            or (name == "motion" and value != "normal")
            or name in WALL_FACTS
            or (name == "rv_ef" and value == "reduced")
        )
    if code == "DCM":
        return (
            (name == "ef" and value in ("normal", "hyperdynamic"))
            or (name == "ef_percent" and float(value) > normal_ef + _EF_TOLERANCE / 2)
            or (name == "lv_size" and value == "normal")
        )
    if code == "HCM":
        return name == "wall" and value == "none"
    return False
