"""Millions of result rows in little memory: few columns, texts as categories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from synthaug.tables.rows import TABLE, TEXT_COLUMNS


def read_compact(rows: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """All rows of a table version, some columns.

    Parameters
    ----------
    rows : path
        ``rows.parquet`` of a version, whose checksums were verified.
    columns : sequence of str
        Columns to read, among `synthaug.tables.COLUMNS`.

    Returns
    -------
    DataFrame
        Texts are categories: a code a row, each text once. Numbers and integers are float64, NaN where empty.
    """
    import pyarrow.parquet as pq

    names = [column.name for column in TABLE if column.name in columns]
    file = pq.ParquetFile(rows, read_dictionary=[name for name in names if name in TEXT_COLUMNS])
    # One column at a time: decoded, a column takes several times the memory that it is kept in. The metadata of the file
    # asks for texts as strings, one object a row, and is ignored.
    return pd.DataFrame(
        {
            name: file.read([name], use_threads=False)
            .unify_dictionaries()
            .to_pandas(ignore_metadata=True, self_destruct=True)[name]
            for name in names
        }
    )


def read_aggregates(rows: str | Path) -> pd.DataFrame:
    """Rows about several subjects, all columns in the types of the schema.

    Parameters
    ----------
    rows : path
        ``rows.parquet`` of a version, whose checksums were verified.
    """
    import pyarrow.compute as pc

    return pd.read_parquet(rows, filters=pc.field("subject").is_null())


def with_texts(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows with texts in the place of categories; for a part of a table, not for millions of rows."""
    categories = [name for name, kind in table.dtypes.items() if isinstance(kind, pd.CategoricalDtype)]
    return table.astype(dict.fromkeys(categories, object))
