"""Entries of the datasets' own tables, read as what the data contract calls them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.core.errors import SynthaugError
from synthaug.core.text_tables import is_unknown, read_text_table
from synthaug.data.findings import Finding
from synthaug.data.readers.folders import RawFolder

_VENDORS = {
    "siemens": "Siemens",
    "philips": "Philips",
    "ge": "GE",
    "general": "GE",
    "canon": "Canon",
    "toshiba": "Canon",
}
#: M&Ms calls an abnormal right ventricle what ACDC calls RV; every other code is kept as it is.
_DIAGNOSES = {"ARV": "RV"}
_SEXES = {"m": "M", "male": "M", "man": "M", "f": "F", "female": "F", "woman": "F"}
_NUMBER = re.compile(r"([-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[-+]?\d+)?)\s*([^\d\s.,]*\.?)?", re.IGNORECASE)
#: Unit as written -> factor to the unit of the column.
_UNITS: dict[str, dict[str, float]] = {
    "age": {"y": 1, "yr": 1, "yrs": 1, "year": 1, "years": 1, "m": 1 / 12, "mo": 1 / 12, "months": 1 / 12},
    "height_cm": {"cm": 1, "m": 100, "mm": 0.1, "in": 2.54, "inch": 2.54, "inches": 2.54},
    "weight_kg": {"kg": 1, "kgs": 1, "g": 0.001, "lb": 0.4536, "lbs": 0.4536},
    "volume_ml": {"ml": 1, "cc": 1, "cm3": 1, "l": 1000},
    "field_strength_t": {"t": 1, "tesla": 1, "mt": 0.001, "g": 1e-4, "gauss": 1e-4},
}
#: Bounds of what a person and a scanner can have; a number beyond is another unit or a mistake.
_BOUNDS = {
    "age": (0.0, 120.0),
    "height_cm": (30.0, 250.0),
    "weight_kg": (1.0, 400.0),
    "field_strength_t": (0.05, 15.0),
    "volume_ml": (0.0, 1000.0),
}
#: Factors to try where a number without a unit is beyond: metres, millimetres, grams, gauss, millitesla.
_OTHER_UNITS = {"height_cm": (100.0, 0.1), "weight_kg": (0.001,), "field_strength_t": (1e-4, 1e-3)}

#: No cine has so many frames.
_MANY_FRAMES = 1e6


def read_table(folder: RawFolder, pattern: str, required: Sequence[str]) -> tuple[Path, pd.DataFrame]:
    """Read the dataset's own table, a text file right below its root (`read_text_table`).

    Raises
    ------
    SynthaugError
        No file or several fit `pattern`, it cannot be read, or a required column is missing.
    """
    files = [file for file in folder.matching(pattern) if file.parent == folder.root]
    if len(files) != 1:
        raise SynthaugError(
            f"{folder.root}: {len(files)} tables named {pattern}; there must be one, the dataset's metadata"
        )
    return files[0], read_text_table(files[0], required)


class Entries:
    """One subject's row of a dataset's table; what cannot be read is unknown, and a finding.

    Parameters
    ----------
    row : mapping of str to str
        Entry by column of the table.
    columns : mapping of str to str, optional
        Column of the table by column of the cohort; a column that is not named is called as the cohort's.

    Attributes
    ----------
    findings : list of Finding
        Entries that were read in another unit or could not be read, as the methods are called.
    """

    def __init__(self, row: Mapping[str, Any], columns: Mapping[str, str] | None = None) -> None:
        self.row = row
        self.columns = columns or {}
        self.findings: list[Finding] = []

    def text(self, field: str) -> str | None:
        """A text; None where it is unknown.

        So is a formula, which no program that wrote the table has computed: what it would say is not there.
        """
        entry = text(self.row.get(self.columns.get(field, field)))
        if entry is not None and entry.startswith("="):
            problem = f"{self.columns.get(field, field)} {entry[:80]!r} is a formula, not its value"
            self.findings.append(Finding("entry-unread", problem, "taken as unknown"))
            return None
        return entry

    def vendor(self, field: str = "vendor") -> str | None:
        """One name a vendor, whatever the table calls it."""
        return vendor_name(self.text(field))

    def diagnosis(self, field: str = "diagnosis") -> str | None:
        """The canonical diagnosis code; unknown ones stay as they are."""
        return diagnosis_code(self.text(field))

    def sex(self, field: str = "sex") -> str | None:
        """M, F, or the entry as it is."""
        entry = self.text(field)
        return None if entry is None else _SEXES.get(entry.lower(), entry)

    def number(self, field: str, quantity: str) -> float | None:
        """A number in the unit of a cohort's column.

        Parameters
        ----------
        field : str
            Name of the entry.
        quantity : {"age", "height_cm", "weight_kg", "field_strength_t", "volume_ml"}
            What it is a number of, whose unit the number is returned in.

        Returns
        -------
        float or None
            None where it is unknown, 0 or below, which stands for unknown in M&Ms, or cannot be read.
        """
        entry = self.text(field)
        if entry is None:
            return None
        match = _NUMBER.fullmatch(entry)
        unit = (match[2] or "").lower().rstrip(".") if match else ""
        factor = _UNITS[quantity].get(unit) if unit else 1.0
        value = float(match[1].replace(",", ".")) if match else math.nan
        if factor is None or not math.isfinite(value):
            problem = f"{self.columns.get(field, field)} {entry!r} is no number"
            self.findings.append(Finding("entry-unread", problem, "taken as unknown"))
            return None
        if value <= 0:
            return None
        value *= factor
        found = possible(value, quantity, () if unit else _OTHER_UNITS.get(quantity, ()))
        if found is not None and found != value:
            problem = f"{self.columns.get(field, field)} {entry!r} is in another unit"
            self.findings.append(Finding("entry-unit", problem, f"taken as {found:g} ({quantity})"))
        if found is not None:
            return found
        low, high = _BOUNDS[quantity]
        problem = f"{self.columns.get(field, field)} {entry!r} is outside of {low:g} to {high:g} ({quantity})"
        self.findings.append(Finding("entry-unread", problem, "taken as unknown"))
        return None

    def person(
        self, sex: str = "sex", age: str = "age", height: str = "height_cm", weight: str = "weight_kg"
    ) -> dict[str, Any]:
        """Sex, age, height and weight, as `RawSubject` has them; arguments name the entries."""
        return {
            "sex": self.sex(sex),
            "age": self.number(age, "age"),
            "height_cm": self.number(height, "height_cm"),
            "weight_kg": self.number(weight, "weight_kg"),
        }

    def frame(self, field: str, first: int) -> int | None:
        """A frame counted from `first`, counted from 0; None where it is unknown.

        Raises
        ------
        ValueError
            The entry is no whole number of a frame.
        """
        name = self.columns.get(field, field)
        entry = self.text(field)
        if entry is None:
            return None
        match = _NUMBER.fullmatch(entry)
        frame = float(match[1].replace(",", ".")) if match and not match[2] else math.nan
        if not abs(frame) < _MANY_FRAMES or frame != int(frame):
            raise ValueError(f"{name} is {entry!r}, not the number of a frame")
        if frame < first:
            raise ValueError(f"{name} is {entry}, frames count from {first}")
        return int(frame) - first


def possible(value: float, quantity: str, factors: Sequence[float] | None = None) -> float | None:
    """The value if a person or a scanner can have it, else in the first other unit in which one can, else None.

    Parameters
    ----------
    value : float
        In the unit of the cohort's column.
    quantity : {"age", "height_cm", "weight_kg", "field_strength_t", "volume_ml"}
        What it is a number of.
    factors : sequence of float, optional
        Factors of other units to try; by default those that are known of the quantity.
    """
    low, high = _BOUNDS[quantity]
    others = _OTHER_UNITS.get(quantity, ()) if factors is None else factors
    return next((value * factor for factor in (1.0, *others) if low < value * factor <= high), None)


def text(value: Any) -> str | None:
    """An entry as text; None where it is unknown."""
    if value is None or value != value:  # NaN of a plugin's own table
        return None
    entry = str(value).strip()
    return None if is_unknown(entry) else entry


def same_id(listed: str, found: str) -> bool:
    """Whether two ids are one: spreadsheets turn 001 into 1 and 1.0."""
    if listed == found:
        return True
    numbers = [re.fullmatch(r"0*(\d+)(?:\.0+)?", entry) for entry in (listed, found)]
    return all(numbers) and len({match[1] for match in numbers if match}) == 1


def match_id(listed: str, names: Iterable[str]) -> str | None:
    """The name that an id of a table means: the same one, else the only one that a spreadsheet may have made it of.

    None where no name fits, or where several do, so that nothing says which is meant.
    """
    known = list(names)
    if listed in known:
        return listed
    alike = [name for name in known if same_id(listed, name)]
    return alike[0] if len(alike) == 1 else None


def vendor_name(value: Any) -> str | None:
    """One name a vendor, whatever the file calls it ("SIEMENS", "Philips Medical Systems", "CANON_MEC", ...)."""
    entry = text(value)
    if entry is None:
        return None
    first = re.split(r"[\W_]", entry, maxsplit=1)[0].lower()
    return _VENDORS.get(first, entry)


def diagnosis_code(value: Any) -> str | None:
    """The canonical diagnosis code; unknown ones stay as they are."""
    entry = text(value)
    return _DIAGNOSES.get(entry, entry) if entry else None
