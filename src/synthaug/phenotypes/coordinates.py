"""Phenotypes as free coordinates: any real numbers are a heart in which phenotypes do not contradict each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from synthaug.phenotypes.identities import IDENTITIES, ORDERED, Identity, follow_from, ventricle
from synthaug.phenotypes.registry import PHENOTYPES

#: Distance from the ends of a range, as a fraction of it, that a coordinate keeps: at the ends it is infinite.
_MARGIN = 1e-4
#: Relative difference of two equal quantities after a few operations.
_ROUNDING = 1e-6


class Coordinates:
    """Coordinates of phenotypes for a model of their joint distribution.

    Three rules make contradictions impossible or visible:

    - A phenotype of the registry is the logit of its place in the valid range: no coordinate leaves the range, and a
      right-skewed quantity far below its upper end becomes nearly its logarithm.
    - Two or more of EDV, ESV, stroke volume and ejection fraction of a ventricle are two coordinates, EDV and EF: ESV is
      below EDV, and all four agree.
    - What follows from other listed phenotypes by its definition (`synthaug.phenotypes.identities`) has no coordinate
      and is computed from them.

    What is left, such as a stroke volume out of range or a mean thickness above the maximum, `violations` finds.

    Parameters
    ----------
    names : sequence of str
        Phenotypes: names of the registry or other numeric columns.
    positive : collection of str
        Columns that are not of the registry and above 0: their coordinate is the logarithm, of others the value.

    Attributes
    ----------
    coordinates : list of str
        The phenotype that each coordinate stands for.
    """

    def __init__(self, names: Sequence[str], positive: Sequence[str] = ()) -> None:
        self.names = list(names)
        self._positive = frozenset(positive)
        self._ventricles = [side for side in ("lv", "rv") if len(set(ventricle(side)) & set(names)) >= 2]
        solved = {name for side in self._ventricles for name in ventricle(side)}
        derived = {identity.name for identity in follow_from(names)} - solved
        self.coordinates = [f"{side}_{name}" for side in self._ventricles for name in ("edv_ml", "ef")]
        self.coordinates += [name for name in names if name not in solved | derived]
        self._follow: list[Identity] = [
            identity for identity in follow_from(self.coordinates) if identity.name not in self.coordinates
        ]

    def read(self, table: pd.DataFrame) -> np.ndarray:
        """Coordinates of measured phenotypes.

        Parameters
        ----------
        table : DataFrame
            The columns `names`, in the units of the registry.

        Returns
        -------
        ndarray, shape (n, d)
            NaN where unknown, or where a value is outside of the registry's valid range.
        """
        values = {name: table[name].to_numpy(np.float64) for name in self.names}
        for side in self._ventricles:
            values |= solve_ventricle(side, values, len(table))
        columns = [self._to_coordinate(name, values[name]) for name in self.coordinates]
        return np.stack(columns, axis=1) if columns else np.empty((len(table), 0))

    def write(self, coordinates: np.ndarray) -> pd.DataFrame:
        """Phenotypes `names` of coordinates (n, d)."""
        values = {
            name: self._from_coordinate(name, column)
            for name, column in zip(self.coordinates, np.asarray(coordinates, np.float64).T, strict=True)
        }
        for identity in self._follow:
            values[identity.name] = identity(values)
        return pd.DataFrame({name: values[name] for name in self.names})

    def _to_coordinate(self, name: str, values: np.ndarray) -> np.ndarray:
        if name in PHENOTYPES:
            low, high = PHENOTYPES[name].range
            place = (values - low) / (high - low)
            place = np.where((place >= 0) & (place <= 1), place, np.nan)
            return np.asarray(logit(np.clip(place, _MARGIN, 1 - _MARGIN)))
        if name in self._positive:
            return np.log(np.where(values > 0, values, np.nan))
        return np.where(np.isfinite(values), values, np.nan)

    def _from_coordinate(self, name: str, values: np.ndarray) -> np.ndarray:
        if name in PHENOTYPES:
            low, high = PHENOTYPES[name].range
            return np.asarray(low + (high - low) * expit(values))
        return np.exp(values) if name in self._positive else values


def solve_ventricle(side: str, values: Mapping[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
    """EDV and ejection fraction of a ventricle from whichever two of its four quantities a subject has.

    Parameters
    ----------
    side : str
        ``"lv"`` or ``"rv"``.
    values : mapping of str to ndarray, shape (n,)
        Any of the names of `synthaug.phenotypes.identities.ventricle`; NaN where unknown.
    n : int
        Subjects.
    """
    edv, esv, sv, ef = (values.get(name, np.full(n, np.nan)) for name in ventricle(side))
    share = ef / 100
    with np.errstate(divide="ignore", invalid="ignore"):
        edv = _first_known(edv, esv + sv, esv / (1 - share), sv / share)
        share = _first_known(1 - esv / edv, sv / edv, share)
    names = ventricle(side)
    return {names[0]: edv, names[3]: 100 * share}


def _first_known(*candidates: np.ndarray) -> np.ndarray:
    result = candidates[0]
    for candidate in candidates[1:]:
        result = np.where(np.isfinite(result), result, candidate)
    return result


def violations(table: pd.DataFrame) -> pd.DataFrame:
    """Which hearts cannot be: a phenotype out of range, two in the wrong order, or two that contradict each other.

    Parameters
    ----------
    table : DataFrame
        Phenotypes, one a column; columns that are not of the registry are not looked at. Unknown values are possible.

    Returns
    -------
    DataFrame of bool
        One column a rule that any row breaks, named by what it says; same index.
    """
    values = {str(name): table[name].to_numpy(np.float64) for name in table.columns if name in PHENOTYPES}
    broken: dict[str, np.ndarray] = {}
    for name, column in values.items():
        low, high = PHENOTYPES[name].range
        slack = _ROUNDING * (high - low)
        broken[f"{name} within {low:g} to {high:g}"] = (column < low - slack) | (column > high + slack)
    for smaller, larger in ORDERED:
        if smaller in values and larger in values:
            slack = _ROUNDING * np.abs(values[larger])
            broken[f"{smaller} not above {larger}"] = values[smaller] > values[larger] + slack
    for identity in IDENTITIES:
        if {identity.name, *identity.sources} <= set(values):
            expected = identity(values)
            difference = np.abs(values[identity.name] - expected)
            scale = np.abs(expected) + np.abs(values[identity.name])
            broken[f"{identity.name} of {', '.join(identity.sources)}"] = difference > _ROUNDING * scale
    return pd.DataFrame({rule: found for rule, found in broken.items() if found.any()}, index=table.index)
