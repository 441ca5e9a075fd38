"""Diagnoses that are open in a table and told in its sentences."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from synthaug.text.reading import read
from synthaug.text.sentences import sentences_of


def with_told_diagnoses(table: pd.DataFrame, classes: Collection[str]) -> pd.DataFrame:
    """Rows whose open `diagnosis` is the one that their sentence names, where it is one of `classes`."""
    told = [read(sentence).facts.get("diagnosis") if sentence else None for sentence in sentences_of(table)]
    known = pd.Series(told, index=table.index, dtype="object").where(lambda names: names.isin(list(classes)))
    return table.assign(diagnosis=table["diagnosis"].astype("object").fillna(known))
