"""Tables of the page: columns, cells and footnotes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthaug.core.artifacts import read_tsv
from synthaug.report.rows import records
from synthaug.tables import Row

#: A text, a number, an estimate (`synthaug.report.rows.estimate`), one of the cells made below, or None.
Cell = str | int | dict[str, Any] | None

TEXT, NUMBER, PROSE = "", "n", "prose"


def make_table(label: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """A table as the macro ``table`` of the templates prints it.

    Parameters
    ----------
    label : str
        What the table shows, for screen readers.
    columns : mapping of str to str
        Heading -> `TEXT` (left), `NUMBER` (right) or `PROSE` (left, wide enough for sentences).
    rows : iterable of sequences of Cell
        One cell per column; the first is the heading of its row.

    Returns
    -------
    dict
        ``label``, ``columns``, ``rows`` and ``notes``. Notes of estimates become footnotes: cells that share
        a note share its mark.
    """
    marks: dict[str, str] = {}
    body = [[_with_mark(cell, marks) for cell in row] for row in rows]
    return {
        "label": label,
        "columns": [{"title": title, "kind": kind} for title, kind in columns.items()],
        "rows": body,
        "notes": [{"mark": mark, "text": text} for text, mark in marks.items()],
    }


def read_rows(path: Path) -> list[Row]:
    """Rows of a TSV file, every field as text; empty if the file does not exist."""
    return records(read_tsv(path).astype("string").fillna("")) if path.is_file() else []


def list_rows(rows: Sequence[Row], label: str) -> dict[str, Any]:
    """Rows as a table, one column per key."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    columns = {key.replace("_", " "): TEXT for key in keys}
    return make_table(label, columns, [[str(row.get(key, "")) for key in keys] for row in rows])


def listed(path: Path, label: str) -> dict[str, Any]:
    """A TSV file as a table; without rows if the file does not exist."""
    return list_rows(read_rows(path), label)


def signed(estimate: dict[str, Any]) -> dict[str, Any]:
    """An estimate whose positive values carry their sign."""
    return {**estimate, "sign": True}


def number(value: float | None, places: int | None = None) -> dict[str, Any]:
    """A number without interval."""
    return {"number": value, "places": places}


def p_value(value: float | None) -> dict[str, Any]:
    """A p-value."""
    return {"p": value}


def badge(word: str, aside: str = "") -> dict[str, Any]:
    """A verdict, with an aside in small print."""
    return {"word": word, "aside": aside}


def with_aside(text: str, aside: str) -> dict[str, Any]:
    """A text with an aside in small print."""
    return {"text": text, "aside": aside}


def exploratory(declared: bool) -> str:
    """Aside of what lies outside the declared family."""
    return "" if declared else "exploratory"


def all_unmeasured(estimates: Sequence[Mapping[str, Any]]) -> str:
    """Common reason if no estimate has a value; empty if one has, or if reasons differ."""
    reasons = {found["note"] or found["text"] for found in estimates}
    if any(found["value"] is not None for found in estimates) or len(reasons) != 1:
        return ""
    return str(reasons.pop())


def _with_mark(cell: Cell, marks: dict[str, str]) -> Cell:
    if not isinstance(cell, dict) or not cell.get("note"):
        return cell
    return {**cell, "mark": marks.setdefault(cell["note"], _letters(len(marks)))}


def _letters(index: int) -> str:
    """a, b, ..., z, aa, ab, ...: letters, because a raised digit would read as part of the number."""
    first, last = divmod(index, 26)
    return (_letters(first - 1) if first else "") + "abcdefghijklmnopqrstuvwxyz"[last]
