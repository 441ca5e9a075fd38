"""Conditions by name: declared ones, phenotypes, and a study's own columns.

Apart from `synthaug.config.conditions`, so that an edit of the registry of phenotypes reruns only what reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthaug.config.conditions import CONDITIONS, Condition, Kind
from synthaug.phenotypes.registry import PHENOTYPES, Phenotype

_KINDS: Mapping[str, Kind] = {"mL": "volume", "g": "mass"}
_UNITS: Sequence[tuple[str, Kind, str]] = (("_ml", "volume", "mL"), ("_g", "mass", "g"))


def condition_of(name: str) -> Condition:
    """The declared condition, a phenotype of the registry, or a study's own numeric column.

    The suffix ``_ml`` or ``_g`` gives the kind of an own column.
    """
    if name in CONDITIONS:
        return CONDITIONS[name]
    if name in PHENOTYPES:
        return _of_phenotype(PHENOTYPES[name])
    for suffix, kind, unit in _UNITS:
        if name.endswith(suffix):
            return Condition(name, kind, name.removesuffix(suffix).replace("_", " "), unit)
    return Condition(name, "number", name.replace("_", " "))


def _of_phenotype(phenotype: Phenotype) -> Condition:
    kind = _KINDS.get(phenotype.unit, "number")
    return Condition(phenotype.name, kind, phenotype.title, phenotype.unit, exponent=phenotype.scaling)
