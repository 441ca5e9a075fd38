"""A user's own table with one row a subject or patient: found, checked, and matched to the subjects of a cohort."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from synthaug.core.errors import SynthaugError
from synthaug.core.text_tables import read_text_table

log = logging.getLogger(__name__)


def read_subject_table(
    path: Path, id_column: str, columns: Sequence[str], what: str, key: str
) -> pd.DataFrame:
    """Read a table as text (`read_text_table`); unknown entries are NA.

    Parameters
    ----------
    path : Path
        Text table with a header.
    id_column : str
        Column with the id of a subject or patient.
    columns : sequence of str
        Further columns that it must have.
    what, key : str
        What the table holds, and the key of a dataset that names it, for messages.

    Raises
    ------
    SynthaugError
        No such file or column, no rows, or a row without an id.
    """
    if not path.is_file():
        raise SynthaugError(f"{path}: no such table of {what}; see `{key}` of the dataset")
    table = read_text_table(path).astype("string").replace("", pd.NA)
    missing = [column for column in (id_column, *columns) if column not in table.columns]
    if missing:
        near = difflib.get_close_matches(missing[0], table.columns, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(table.columns)}"
        raise SynthaugError(f"{path}: unknown column {missing[0]!r}; {hint}")
    if table.empty:
        raise SynthaugError(f"{path}: no rows; add one for each subject or patient")
    without = table.index[table[id_column].isna()]
    if len(without):
        raise SynthaugError(
            f"{path}: row {without[0] + 1}: no {id_column}; give the id of a subject or patient"
        )
    return table


def match_subjects(
    table: pd.DataFrame, id_column: str, subjects: pd.DataFrame, dataset: str, where: str
) -> pd.DataFrame:
    """The row of each subject; rows of others are left out, and counted in the log.

    Parameters
    ----------
    table : DataFrame
        From `read_subject_table`.
    id_column : str
        Its column with ids, with or without ``<dataset>-`` before them. A row of a subject takes precedence over one
        of the patient, which is that of all visits.
    subjects : DataFrame
        Columns ``subject`` and, where known, ``patient``.
    dataset : str
        Name of the dataset.
    where : str
        What messages call the table.

    Returns
    -------
    DataFrame
        The table's columns, indexed by subject in the order given; NA of subjects without a row.

    Raises
    ------
    SynthaugError
        An id twice, or none of the dataset.
    """
    ids = table[id_column].str.removeprefix(f"{dataset}-")
    twice = ids[ids.duplicated()]
    if len(twice):
        raise SynthaugError(f"{where}: id {twice.iloc[0]!r} stands in two rows; keep one of them")
    row_of = dict(zip(ids, table.index, strict=True))
    names = subjects["subject"].astype(str)
    patients = patients_of(subjects)
    rows = [
        row_of.get(subject.removeprefix(f"{dataset}-"), row_of.get(patient.removeprefix(f"{dataset}-")))
        for subject, patient in zip(names, patients, strict=True)
    ]
    found = [row for row in rows if row is not None]
    if not found:
        raise SynthaugError(
            f"{where}: no id is a subject or patient of the dataset: the table has {table[id_column].iloc[0]!r}, the "
            f"dataset {names.iloc[0]!r}; name the column of ids in `id`"
        )
    if unknown := len(table) - len(set(found)):
        log.warning(
            "%s: %d of %d rows belong to no subject of the dataset and are left out",
            where,
            unknown,
            len(table),
        )
    return table.reindex(pd.Index([-1 if row is None else row for row in rows])).set_axis(names, axis=0)


def patients_of(subjects: pd.DataFrame) -> pd.Series:
    """Patient of each subject; a subject without one is a patient."""
    names = subjects["subject"].astype(str)
    given = subjects["patient"] if "patient" in subjects else subjects["subject"]
    return given.astype("string").fillna(names)
