"""Entries of the datasets' own tables, read as what the data contract calls them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.core.errors import SynthaugError

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


def read_table(root: Path, pattern: str, required: Sequence[str]) -> tuple[Path, pd.DataFrame]:
    """Read the dataset's own table, a csv or tsv file in `root`; every entry is text.

    Raises
    ------
    SynthaugError
        No file or several fit `pattern`, it cannot be read, or a required column is missing.
    """
    files = sorted(root.glob(pattern))
    if len(files) != 1:
        raise SynthaugError(
            f"{root}: {len(files)} tables named {pattern}; there must be one, the dataset's metadata"
        )
    separator = "\t" if files[0].suffix == ".tsv" else ","
    try:
        table = pd.read_csv(files[0], sep=separator, dtype=str, keep_default_na=False)
    except ValueError as error:
        raise SynthaugError(f"{files[0]}: cannot be read ({str(error).strip()}); correct the table") from None
    table.columns = [str(column).strip() for column in table.columns]
    for column in required:
        if column not in table.columns:
            raise SynthaugError(f"{files[0]}: no column {column!r}; it has {', '.join(table.columns)}")
    return files[0], table


def text(value: Any) -> str | None:
    """A metadata entry as text; None where it is empty."""
    if value is None or pd.isna(value):
        return None
    return str(value).strip() or None


def number(value: Any) -> float | None:
    """A metadata entry as a number above 0; None where it is empty or nothing of the kind."""
    try:
        result = float(str(value).strip())
    except ValueError:
        return None
    return result if result > 0 and math.isfinite(result) else None


def frame_index(value: Any, first: int) -> int | None:
    """A frame counted from `first`, counted from 0; None where the entry is empty.

    Raises
    ------
    ValueError
        The entry is not a whole number.
    """
    entry = text(value)
    if entry is None:
        return None
    frame = float(entry)
    if frame != int(frame):
        raise ValueError(f"frame {entry!r} is not a whole number")
    return int(frame) - first


def vendor_name(value: Any) -> str | None:
    """One name a vendor, whatever the file calls it ("SIEMENS", "Philips Medical Systems", ...)."""
    entry = text(value)
    first = entry.split()[0].lower() if entry else ""
    return _VENDORS.get(first, entry)


def diagnosis_code(value: Any) -> str | None:
    """The canonical diagnosis code; unknown ones stay as they are."""
    entry = text(value)
    return _DIAGNOSES.get(entry, entry) if entry else None
