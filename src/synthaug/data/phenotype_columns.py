"""Phenotypes joined to the table of a cohort, as far as a fold may see them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort
from synthaug.phenotypes.registry import PHENOTYPES


def with_phenotypes(
    cohort: Cohort,
    tables: Sequence[str | Path],
    columns: Sequence[str],
    own: Mapping[str, Collection[str]],
    split: pd.DataFrame,
) -> Cohort:
    """The cohort with columns of its tables of phenotypes.

    Parameters
    ----------
    cohort : Cohort
        Subjects of one or several datasets.
    tables : sequence of path
        ``<dataset>.tsv`` of each dataset, from `synthaug.measures.phenotypes.tabulate_phenotypes`.
    columns : sequence of str
        Phenotypes; one that no table has stays as the cohort has it.
    own : mapping of str to collection of str
        Phenotypes that the user's own table brings, by dataset. They need no labels, and replace the cohort's values;
        of other datasets, columns that the cohort has stay as they are.
    split : DataFrame
        One fold's table. Of subjects whose labels it withholds, what is measured on labels is unknown.

    Returns
    -------
    Cohort
        Unknown is NaN; nothing is imputed.
    """
    if not columns:
        return cohort
    table = cohort.table.copy()
    hidden = set(split.loc[~split["labelled"].astype(bool), "subject"].astype(str))
    for path in map(Path, tables):
        found = read_tsv(path, ("subject", "patient", "missing")).set_index("subject")
        subjects = [subject for subject in cohort.subjects if subject in found.index]
        brought = own.get(path.stem, ())
        for name in columns:
            if name not in found.columns or (name in cohort.table.columns and name not in brought):
                continue
            values = pd.to_numeric(found.loc[subjects, name]).astype(np.float64)
            if name not in brought and PHENOTYPES[name].frames != "none":
                values = values.where(~values.index.isin(hidden))
            if name not in table.columns:
                table[name] = np.nan
            table.loc[subjects, name] = values
    return replace(cohort, table=table)
