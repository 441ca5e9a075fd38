"""Tables as spreadsheets, BIDS and people write them: read as text, whatever the encoding, separator and loose ends."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from synthaug.core.errors import SynthaugError
from synthaug.core.spreadsheets import with_formulas

_SEPARATORS = (",", ";", "\t", "|")
#: Entries that mean that nothing is known; BIDS writes n/a, R writes NA, pandas nan, spreadsheets #N/A.
_UNKNOWN = frozenset(
    (
        "",
        "n/a",
        "na",
        "nan",
        "none",
        "null",
        "nil",
        "#n/a",
        "<na>",
        "-",
        "--",
        "?",
        ".",
        "unknown",
        "missing",
        "nat",
    )
)


def is_unknown(entry: str) -> bool:
    """True for an entry that means that nothing is known: empty, ``n/a``, ``NaN``, ``-`` and their kin."""
    return entry.strip().lower() in _UNKNOWN


def read_text_table(file: Path, required: Sequence[str] = ()) -> pd.DataFrame:
    """Read a text table with a header; every entry is text, unknown ones are empty.

    It may be one that the package wrote: an apostrophe before what would be a formula is taken away.

    Comma, semicolon, tab and bar separate columns, whichever the header has most of; empty rows, rows that end early and
    separators at the end of rows are taken as they are meant. Columns without a name are left out: numbers of rows, or spacers.

    Parameters
    ----------
    file : Path
        In UTF-8, UTF-16 with a byte order mark, or the encoding of Western Windows.
    required : sequence of str
        Columns that it must have; their case and the blanks around them do not count.

    Returns
    -------
    DataFrame
        Its rows; the required columns are called as in `required`.

    Raises
    ------
    SynthaugError
        It cannot be read, is no text table, has a row with more entries than columns, lacks a required column, or has two
        columns of one name (whatever their case) that say different things of a row.
    """
    text = read_text(file)
    numbered = _numbered_rows(text, file)
    if not numbered:
        raise SynthaugError(f"{file}: is empty; it needs a header and a row a subject")
    header = _trimmed([cell.strip() for cell in numbered[0][1]])
    names = _named(header, required, file)
    columns = _columns_of(names)
    entries = []
    for number, row in numbered[1:]:
        cells = _trimmed(row, len(header))
        if len(cells) > len(header):
            raise SynthaugError(
                f"{file}: line {number}: {len(cells)} entries, the header has {len(header)} columns; put entries that "
                "hold the separator into quotation marks"
            )
        cells += [""] * (len(header) - len(cells))
        read = ["" if is_unknown(cell) else with_formulas(cell.strip()) for cell in cells]
        entries.append(
            [_entry(name, [read[place] for place in places], number, file) for name, places in columns]
        )
    return pd.DataFrame(entries, columns=[name for name, _ in columns], dtype=str)


def read_text(file: Path) -> str:
    """A text file in UTF-8, UTF-16 with a byte order mark, or the encoding of Western Windows.

    Raises
    ------
    SynthaugError
        It cannot be read, or is no text.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SynthaugError(f"{file}: cannot be read ({error.strerror}); check the file") from None
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    if content.startswith(b"version https://git-lfs"):
        raise SynthaugError(
            f"{file}: is a pointer of Git LFS, not the table; fetch its content with `git lfs pull`"
        )
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")) or b"\0" in content[:512]:
        raise SynthaugError(
            f"{file}: is a spreadsheet or another binary file; save it as text with commas (csv)"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")  # what spreadsheets of Windows write


def _numbered_rows(text: str, file: Path) -> list[tuple[int, list[str]]]:
    """Rows that hold anything, with their numbers from 1."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    try:
        separator = max(_SEPARATORS, key=lambda mark: (_fields(first, mark), -_SEPARATORS.index(mark)))
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True))
    except csv.Error as error:
        raise SynthaugError(
            f"{file}: is no text table ({error}); save it as text with commas (csv)"
        ) from None
    return [(number, row) for number, row in enumerate(rows, start=1) if any(cell.strip() for cell in row)]


def _fields(line: str, separator: str) -> int:
    return len(next(csv.reader([line], delimiter=separator)))


def _trimmed(cells: list[str], least: int = 0) -> list[str]:
    """Without the empty cells at the end, which trailing separators leave; not shorter than `least`."""
    kept = list(cells)
    while len(kept) > least and not kept[-1].strip():
        kept.pop()
    return kept


def _columns_of(names: list[str]) -> list[tuple[str, list[int]]]:
    """Each name once, whatever its case, and the places that bear it."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        if name:
            places.setdefault(name.lower(), []).append(place)
    return [(names[found[0]], found) for found in places.values()]


def _entry(name: str, cells: list[str], number: int, file: Path) -> str:
    """What the columns of one name say of a row.

    Raises
    ------
    SynthaugError
        They say different things, and a library would take the last.
    """
    known = list(dict.fromkeys(filter(None, cells)))
    if len(known) > 1:
        raise SynthaugError(
            f"{file}: line {number}: {len(cells)} columns {name!r} say {known[0]!r} and {known[1]!r}; keep one of them"
        )
    return known[0] if known else ""


def _named(header: list[str], required: Sequence[str], file: Path) -> list[str]:
    names = list(header)
    for column in required:
        alike = [index for index, name in enumerate(names) if name == column] or [
            index for index, name in enumerate(names) if name.lower() == column.strip().lower()
        ]
        if not alike:
            known = " ".join(", ".join(filter(None, header)).split())
            raise SynthaugError(f"{file}: no column {column!r}; it has {known[:500]}")
        if len(alike) > 1:
            raise SynthaugError(f"{file}: {len(alike)} columns {column!r}; keep one of them")
        names[alike[0]] = column
    return names
