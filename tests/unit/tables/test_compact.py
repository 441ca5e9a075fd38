"""Rows in little memory are the same rows."""

from __future__ import annotations

import pandas as pd

from synthaug.tables import COLUMNS, make_table
from synthaug.tables.compact import read_aggregates, read_compact, with_texts
from synthaug.tables.schema import typed


def test_the_compact_table_has_the_values_of_the_file_and_each_text_once(tmp_path):
    about = {"metric": "dice", "definition": "v1", "status": "ok", "fold": 0}
    rows = [
        {**about, "subject": f"p{number % 3}", "value": number / 10, "arm": "real"} for number in range(9)
    ]
    rows.append({**about, "metric": "dice_mean", "value": 0.5, "fold": None, "n": 3})
    table = typed(make_table(rows).reindex(columns=list(COLUMNS)), "rows")
    table.to_parquet(tmp_path / "rows.parquet", index=False, row_group_size=4)  # dictionaries differ by group
    found = read_compact(tmp_path / "rows.parquet", ("subject", "metric", "value", "fold"))
    assert list(found.columns) == [name for name in COLUMNS if name in ("subject", "metric", "value", "fold")]
    assert isinstance(found["subject"].dtype, pd.CategoricalDtype)
    assert list(found["subject"].cat.categories) == ["p0", "p1", "p2"]
    texts = with_texts(found)
    assert list(texts["subject"][:4]) == ["p0", "p1", "p2", "p0"] and pd.isna(texts["subject"].iloc[9])
    assert list(found["value"]) == list(table["value"]) and pd.isna(found["fold"].iloc[9])
    aggregates = read_aggregates(tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(aggregates, table[table["subject"].isna()].reset_index(drop=True))
