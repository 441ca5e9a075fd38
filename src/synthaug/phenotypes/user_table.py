"""A user's own table of phenotypes, such as that of a biobank, joined to the subjects of a cohort."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.core.errors import SynthaugError
from synthaug.core.subject_tables import match_subjects, patients_of, read_subject_table
from synthaug.phenotypes.identities import ORDERED
from synthaug.phenotypes.registry import PHENOTYPES


def read_phenotypes(
    path: str | Path, id_column: str, columns: Mapping[str, str], subjects: pd.DataFrame, dataset: str
) -> pd.DataFrame:
    """Read the phenotypes of a cohort's subjects from a user's table.

    Parameters
    ----------
    path : path
        Text table with a header (`synthaug.core.text_tables.read_text_table`); empty entries, ``n/a`` and their kin are
        unknown.
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
        heart has, percents that are written as fractions, an ESV above EDV and the like, a phenotype that is constant
        or missing for more than half of the patients.
    """
    table = read_subject_table(Path(path), id_column, list(columns), "phenotypes", "phenotypes.table")
    where = f"datasets.{dataset}.phenotypes: {path}"
    patients = patients_of(subjects)
    # Rows of others are not looked at: a biobank's table has many.
    matched = match_subjects(table, id_column, subjects, dataset, where)
    names = matched.index
    problems: list[str] = []
    result = pd.DataFrame(index=pd.Index(names, name="subject"))
    for theirs, ours in columns.items():
        values = pd.to_numeric(matched[theirs], errors="coerce").astype(float)
        result[ours] = values
        problems += [
            f"{where}: {theirs}: {problem}" for problem in _problems(matched[theirs], values, ours, patients)
        ]
    problems += [f"{where}: {problem}" for problem in _contradictions(result)]
    if problems:
        raise SynthaugError("\n".join(problems))
    return result


def _contradictions(values: pd.DataFrame) -> Iterator[str]:
    """Subjects of whom a phenotype is above one that it is a part of, as where two columns were exchanged."""
    for smaller, larger in ORDERED:
        if smaller in values and larger in values:
            above = values[values[smaller] > values[larger]]
            if len(above):
                subject, row = above.index[0], above.iloc[0]
                yield (
                    f"{subject}: {smaller} is {row[smaller]:g}, above {larger}, which is {row[larger]:g}; check the row and "
                    "whether columns were exchanged"
                )


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
        known = values.dropna()
        if unit == "%" and len(known) > 1 and 0 < known.abs().max() <= 1:
            yield f"{ours} is at most {known.abs().max():g} of all patients, a fraction; give percent"
            return
    each = values.groupby(patients.to_numpy()).first()
    known = each.dropna()
    if 2 * len(known) < len(each):
        yield f"missing for {len(each) - len(known)} of {len(each)} patients; leave the column out, or complete it"
    elif len(known) > 1 and known.nunique() == 1:
        yield f"{known.iloc[0]:g} for all patients; a constant says nothing, leave the column out"
