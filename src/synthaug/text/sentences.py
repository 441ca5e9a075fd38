"""Sentences of a table's rows."""

from __future__ import annotations

import pandas as pd


def sentences_of(table: pd.DataFrame) -> list[str]:
    """The sentence of each row, empty where it has none or the table has no such column."""
    if "sentence" not in table.columns:
        return [""] * len(table)
    return ["" if pd.isna(sentence) else str(sentence).strip() for sentence in table["sentence"]]
