"""A user's own table of phenotypes, such as that of a biobank, joined to the subjects of a cohort."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.core.errors import SynthaugError
from synthaug.phenotypes.registry import PHENOTYPES

log = logging.getLogger(__name__)


def read_phenotypes(
    path: str | Path, id_column: str, columns: Mapping[str, str], subjects: pd.DataFrame, dataset: str
) -> pd.DataFrame:
    """Read the phenotypes of a cohort's subjects from a user's table.

    Parameters
    ----------
    path : path
        Text table with a header: separated by commas where the name ends in ``.csv``, else by tabs. Only the empty
        field is unknown.
    id_column : str
        Column with the id of a subject or of a patient, with or without ``<dataset>-`` before it. A row of the subject
        takes precedence over one of the patient, which is that of all visits.
    columns : mapping of str to str
        Phenotype by the table's column: a name of the registry, or a new one.
    subjects : DataFrame
        Columns ``subject`` and, where known, ``patient``.
    dataset : str
        Name of the dataset.

    Returns
    -------
    DataFrame, shape (subjects, columns)
        Indexed by subject in the order given. Unknown is NaN; nothing is imputed.

    Raises
    ------
    SynthaugError
        One line a problem: no such file or column, an id twice or nowhere, a value that is no number or that no
        heart has, a phenotype that is constant or missing for more than half of the patients.
    """
    table = _read(Path(path), id_column, columns)
    where = f"datasets.{dataset}.phenotypes: {path}"
    ids = table[id_column].str.removeprefix(f"{dataset}-")
    twice = ids[ids.duplicated()]
    if len(twice):
        raise SynthaugError(f"{where}: id {twice.iloc[0]!r} stands in two rows; keep one of them")
    row_of = dict(zip(ids, table.index, strict=True))
    names = subjects["subject"].astype(str)
    patients = (
        (subjects["patient"] if "patient" in subjects else subjects["subject"]).astype("string").fillna(names)
    )
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
    # Rows of others are not looked at: a biobank's table has many.
    matched = table.reindex(pd.Index([-1 if row is None else row for row in rows])).set_axis(names, axis=0)
    problems: list[str] = []
    result = pd.DataFrame(index=pd.Index(names, name="subject"))
    for theirs, ours in columns.items():
        values = pd.to_numeric(matched[theirs], errors="coerce").astype(float)
        result[ours] = values
        problems += [
            f"{where}: {theirs}: {problem}" for problem in _problems(matched[theirs], values, ours, patients)
        ]
    if problems:
        raise SynthaugError("\n".join(problems))
    return result


def _read(path: Path, id_column: str, columns: Mapping[str, str]) -> pd.DataFrame:
    if not path.is_file():
        raise SynthaugError(f"{path}: no such table of phenotypes; see `phenotypes.table` of the dataset")
    separator = "," if path.suffix == ".csv" else "\t"
    table = pd.read_csv(path, sep=separator, dtype="string", keep_default_na=False, na_values=[""])
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


def _problems(text: pd.Series, values: pd.Series, ours: str, patients: pd.Series) -> Iterator[str]:
    """What is wrong with one column of the subjects found, one line each."""
    wrong = text[(~np.isfinite(values) & text.notna()).to_numpy()]
    if len(wrong):
        yield f"{wrong.index[0]}: {wrong.iloc[0]!r} is no number; give a number or nothing"
        return
    if ours in PHENOTYPES:
        unit, (low, high) = PHENOTYPES[ours].unit, PHENOTYPES[ours].range
        outside = values[(values < low) | (values > high)]
        if len(outside):
            yield (
                f"{outside.index[0]}: {ours} is {outside.iloc[0]:g}, valid is {low:g} to {high:g}"
                f"{'' if unit == '1' else ' ' + unit}; check the unit"
            )
            return
    each = values.groupby(patients.to_numpy()).first()
    known = each.dropna()
    if 2 * len(known) < len(each):
        yield f"missing for {len(each) - len(known)} of {len(each)} patients; leave the column out, or complete it"
    elif len(known) > 1 and known.nunique() == 1:
        yield f"{known.iloc[0]:g} for all patients; a constant says nothing, leave the column out"
