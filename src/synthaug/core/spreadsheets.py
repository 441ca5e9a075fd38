"""Tables as text that a spreadsheet opens without running what stands in them.

Excel, LibreOffice and their kin take a cell of a CSV or TSV file that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line
break as a formula, and a formula can start programs and send other cells away. Quotation marks do not stop them. Ids and
names of a study are safe because they begin with a letter or digit (`synthaug.data.cohort.check_subject_id`, the schema of
the study). Diagnoses, vendors, centres, sentences, reports, notes and names of files come from elsewhere and may begin with
anything: a report of a hospital does begin with ``- ``. To refuse them would lose data, so they are neutralised where they are
written, as OWASP recommends, and restored where the package reads them:

- A text that would be a formula gets an apostrophe before it. Numbers, as numbers or as text, stay as they are.
- A text that is an apostrophe, or several, before a formula gets one more, so that reading takes away what writing added, and
  nothing else. What is written and read again is the same table.

Every table of text is written by `write_table`, `table_text` or `without_formulas`; `tests/unit/test_security_scan.py` finds
another. A file is safe with the separator that it has: a program that is told another one cuts cells elsewhere. Parquet
files hold the texts as they are; no program runs those.

References
----------
OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

#: What begins a formula; the wide forms are those of Chinese and Japanese keyboards. A sign alone is a text.
_SIGNS = "=+-@\t\r\n＝＋－＠"
_FORMULA = re.compile(f"'*[{re.escape(_SIGNS)}].+", re.DOTALL)
_LONE_RETURN = re.compile(r"\r(?!\n)")
_NUMBER = re.compile(r"[-+](\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


def without_formulas(text: str) -> str:
    """A cell's text as it is written: with an apostrophe before it where a spreadsheet would run it.

    >>> without_formulas("=1+1"), without_formulas("-3.5"), without_formulas("'=1+1"), without_formulas("'s gravenhage")
    ("'=1+1", '-3.5', "''=1+1", "'s gravenhage")
    """
    return f"'{text}" if _runs(text) else text


def with_formulas(text: str) -> str:
    """A cell's text as it was before `without_formulas`."""
    return text[1:] if text.startswith("'") and _runs(text[1:]) else text


def write_table(path: str | Path, table: pd.DataFrame, separator: str = ",") -> None:
    """Write a table as text without its index and without formulas; unknown is an empty field. Not atomic."""
    _guarded(table).to_csv(path, sep=separator, index=False, lineterminator="\n")


def table_text(table: pd.DataFrame, separator: str = ",") -> str:
    """What `write_table` writes."""
    text: str = _guarded(table).to_csv(sep=separator, index=False, lineterminator="\n")
    return text


def restored(table: pd.DataFrame) -> pd.DataFrame:
    """A table as it was before it was written; columns keep their types."""
    return _changed(table, with_formulas)


def _runs(text: str) -> bool:
    return text[:1] in _MARKS and bool(_FORMULA.fullmatch(text)) and not _NUMBER.fullmatch(text)


_MARKS = frozenset(f"'{_SIGNS}")


def _guarded(table: pd.DataFrame) -> pd.DataFrame:
    # A carriage return alone would be read back as the end of a row.
    return _changed(table, lambda text: without_formulas(_LONE_RETURN.sub("\n", text)))


def _changed(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """The table with each of its texts, and the names of its columns, changed."""
    found = table.rename(columns=lambda name: change(name) if isinstance(name, str) else name)
    for place in range(table.shape[1]):
        column = table.iloc[:, place]
        if pd.api.types.is_numeric_dtype(column.dtype):
            continue
        # Few columns have any such text: only then is a column made anew.
        new: dict[Any, str] = {
            text: other
            for text in column
            if isinstance(text, str) and text[:1] in _MARKS and (other := change(text)) != text
        }
        if new:
            values = [new.get(value, value) if isinstance(value, str) else value for value in column]
            kept = object if isinstance(column.dtype, pd.CategoricalDtype) else column.dtype
            found.isetitem(place, pd.Series(values, dtype=kept).array)
    return found
