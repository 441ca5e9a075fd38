"""Conditions by name: declared ones, phenotypes, and a study's own columns.

Apart from `synthaug.config.conditions`, so that an edit of the registry of phenotypes reruns only what reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from synthaug.config.conditions import CONDITIONS, Condition, Kind
from synthaug.phenotypes.registry import PHENOTYPES, Phenotype

_KINDS: Mapping[str, Kind] = {"mL": "volume", "g": "mass"}
#: Suffix of an own column, kind, unit, and exponent of its growth under an in-plane enlargement. A body surface does not
#: grow with the image. No litres: columns that end so are concentrations or of the lungs.
_UNITS: Sequence[tuple[str, Kind, str, float]] = (
    ("_ml", "volume", "mL", 2),
    ("_g", "mass", "g", 2),
    ("_ml_m2", "number", "mL/m2", 2),
    ("_g_m2", "number", "g/m2", 2),
    ("_cm2", "number", "cm2", 2),
    ("_mm2", "number", "mm2", 2),
    ("_per_mm", "number", "1/mm", -1),
    ("_mm", "number", "mm", 1),
)

#: Two units at the end of an own column are their quotient, such as pg/mL of a biomarker: no volume and no mass.
_QUOTIENT = re.compile(r"(.+)_((?:[fpnum]|mc)?(?:g|mol)|[mu]?iu|u|ml)_(ml|g)")
_SPELLED = {"ml": "mL", "iu": "IU", "u": "U", "miu": "mIU", "uiu": "uIU"}


def condition_of(name: str) -> Condition:
    """The declared condition, a phenotype of the registry, or a study's own numeric column.

    The suffix of an own column gives its unit, such as ``_ml`` or ``_mm``: a length is one in the plane. A quotient of
    two units, such as ``_pg_ml``, does not grow with the image.
    """
    if name in CONDITIONS:
        return CONDITIONS[name]
    if name in PHENOTYPES:
        return _of_phenotype(PHENOTYPES[name])
    if match := _QUOTIENT.fullmatch(name):
        above, below = (_SPELLED.get(unit, unit) for unit in match.group(2, 3))
        return Condition(name, "number", match[1].replace("_", " "), f"{above}/{below}")
    for suffix, kind, unit, exponent in _UNITS:
        if name.endswith(suffix):
            title = name.removesuffix(suffix).replace("_", " ")
            return Condition(name, kind, title, unit, exponent=exponent)
    return Condition(name, "number", name.replace("_", " "))


def _of_phenotype(phenotype: Phenotype) -> Condition:
    kind = _KINDS.get(phenotype.unit, "number")
    return Condition(phenotype.name, kind, phenotype.title, phenotype.unit, exponent=phenotype.scaling)
