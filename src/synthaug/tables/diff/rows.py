"""Rows of two table versions side by side: gained, lost, changed and by how much."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from synthaug.tables import COLUMNS, KEY_COLUMNS, about, key_text

#: What identifies how a row was measured rather than what it is about; a new version of a definition or a
#: retrained extractor changes a row, it does not replace it.
_METHOD = ("definition", "extractor")
_FOUND = tuple(column for column in COLUMNS if column not in KEY_COLUMNS)


@dataclass(frozen=True)
class Change:
    """A row that both versions have, and that differs.

    Attributes
    ----------
    about : str
        What the row is about.
    columns : dict of str to (before, after)
        Columns that differ; None where empty.
    unit : str
        Unit of the value.
    rank : tuple
        Less is more relevant: what a verdict rests on comes before single patients, and large
        changes, in halves of the interval, before small ones.
    """

    about: str
    columns: dict[str, tuple[Any, Any]]
    unit: str
    rank: tuple[float, ...]

    @property
    def size(self) -> float | None:
        """After minus before, in the unit of the value; None where one of them has no value."""
        before, after = self.columns.get("value", (None, None))
        return None if before is None or after is None else float(after) - float(before)


@dataclass(frozen=True)
class RowChanges:
    """Rows that only the second version has, only the first has, and that differ; most relevant first."""

    gained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    same: int = 0

    def __bool__(self) -> bool:
        return bool(self.gained or self.lost or self.changed)


def compare_rows(before: pd.DataFrame, after: pd.DataFrame) -> RowChanges:
    """Match rows by what they are about and compare what they say.

    Parameters
    ----------
    before, after : DataFrame
        Rows of two versions (`synthaug.tables.collate.read_version`). Columns that only one of them has
        count as empty in the other.

    Returns
    -------
    RowChanges
        Equal means equal bit for bit; floats are not rounded.
    """
    before, after = (table.reindex(columns=list(COLUMNS)).reset_index(drop=True) for table in (before, after))
    pairs = _matched(before, after)
    first, second = (set(side) for side in zip(*pairs, strict=True)) if pairs else (set(), set())
    changed = _changes(before, after, pairs)
    return RowChanges(
        gained=[about(_record(after, number)) for number in range(len(after)) if number not in second],
        lost=[about(_record(before, number)) for number in range(len(before)) if number not in first],
        changed=sorted(changed, key=lambda change: change.rank),
        same=len(pairs) - len(changed),
    )


def _matched(before: pd.DataFrame, after: pd.DataFrame) -> list[tuple[int, int]]:
    """Positions of rows about the same; those left over are matched whatever measured them, if unambiguous."""
    keys = [list(key_text(table).itertuples(index=False, name=None)) for table in (before, after)]
    there = {key: number for number, key in enumerate(keys[1])}
    pairs = [(number, there[key]) for number, key in enumerate(keys[0]) if key in there]
    taken = {second for _, second in pairs}
    matched = {first for first, _ in pairs}
    kept = [position for position, column in enumerate(KEY_COLUMNS) if column not in _METHOD]
    loose: list[dict[tuple[str, ...], list[int]]] = [{}, {}]
    for side, done in ((0, matched), (1, taken)):
        for number, key in enumerate(keys[side]):
            if number not in done:
                loose[side].setdefault(tuple(key[position] for position in kept), []).append(number)
    for key, numbers in loose[0].items():
        others = loose[1].get(key, [])
        if len(numbers) == len(others) == 1:
            pairs.append((numbers[0], others[0]))
    return sorted(pairs)


def _changes(before: pd.DataFrame, after: pd.DataFrame, pairs: list[tuple[int, int]]) -> list[Change]:
    if not pairs:
        return []
    first, second = (list(side) for side in zip(*pairs, strict=True))
    left, right = before.iloc[first].reset_index(drop=True), after.iloc[second].reset_index(drop=True)
    compared = [*_FOUND, *_METHOD]
    differs = pd.DataFrame(
        {column: _differs(left[column], right[column]) for column in compared}, columns=compared
    )
    found = []
    for number in np.flatnonzero(differs.any(axis=1)):
        old, new = _record(left, int(number)), _record(right, int(number))
        columns = {
            column: (old[column], new[column]) for column in compared if differs[column].iloc[int(number)]
        }
        found.append(Change(about(new), columns, new["unit"] or "", _rank(old, new, columns)))
    return found


def _differs(left: pd.Series[Any], right: pd.Series[Any]) -> np.ndarray:
    both = left.notna().to_numpy() & right.notna().to_numpy()
    one = left.notna().to_numpy() != right.notna().to_numpy()
    unequal = np.zeros(len(left), bool)
    unequal[both] = (left[both].astype(object).to_numpy() != right[both].astype(object).to_numpy()).astype(
        bool
    )
    result: np.ndarray = one | unequal
    return result


def _rank(old: dict[str, Any], new: dict[str, Any], columns: dict[str, tuple[Any, Any]]) -> tuple[float, ...]:
    """Differences of arms, means, other aggregates, patients; status first, broad before narrow, large before small."""
    metric = str(new["metric"])
    if new["subject"] is not None:
        level = 3
    else:
        level = 0 if metric.endswith("_difference") else 1 if metric.endswith("_mean") else 2
    size = 0.0
    if "value" in columns and None not in columns["value"]:
        change = abs(float(new["value"]) - float(old["value"]))
        half = _half(old) or abs(float(old["value"])) or 1.0
        size = change / half
    narrow = sum(new[column] is not None for column in ("role", "vendor", "structure", "phase"))
    return (level, "status" not in columns, narrow, -size)


def _half(row: dict[str, Any]) -> float:
    """Half of the interval, which says what change is large; 0 without one."""
    if row["ci_low"] is None or row["ci_high"] is None:
        return 0.0
    return abs(float(row["ci_high"]) - float(row["ci_low"])) / 2


def _record(table: pd.DataFrame, number: int) -> dict[str, Any]:
    return {str(name): None if pd.isna(value) else value for name, value in table.iloc[number].items()}
