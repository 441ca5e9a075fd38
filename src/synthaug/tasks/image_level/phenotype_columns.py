"""Phenotypes of a cohort as numbers, for targets and for the features of a random forest."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.phenotypes.registry import PHENOTYPES


def phenotype_table(cohort: Cohort) -> pd.DataFrame:
    """The phenotypes of a cohort's subjects, indexed by subject.

    Raises
    ------
    SynthaugError
        The cohort came without.
    """
    if cohort.phenotypes is None:
        raise SynthaugError(
            f"{cohort.name}: phenotypes were not given; open the cohort with those of measure_phenotypes"
        )
    return cohort.phenotypes


def check_columns(cohort: Cohort, names: Sequence[str], key: str) -> None:
    """Refuse phenotypes that a cohort's table does not have, or whose values are no numbers.

    Parameters
    ----------
    cohort : Cohort
        With phenotypes.
    names : sequence of str
        Phenotypes.
    key : str
        Setting that names them, for the message.

    Raises
    ------
    SynthaugError
        Names the phenotype.
    """
    table = phenotype_table(cohort)
    numeric = [str(column) for column in table if pd.api.types.is_numeric_dtype(table[column])]
    for name in names:
        if name not in table:
            near = difflib.get_close_matches(name, numeric, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else "see docs/phenotypes.md"
            raise SynthaugError(f"tasks: {key}: {cohort.name} has no phenotype {name!r}; {hint}")
        if name not in numeric and table[name].notna().any():
            raise SynthaugError(
                f"tasks: {key}: phenotype {name!r} of {cohort.name} has values that are no numbers; name another"
            )


def read_columns(cohort: Cohort, names: Sequence[str]) -> np.ndarray:
    """Values of phenotypes of all subjects of a cohort.

    Parameters
    ----------
    cohort : Cohort
        With phenotypes.
    names : sequence of str
        Phenotypes that were planned for (`check_columns`).

    Returns
    -------
    ndarray, shape (n_subjects, n_names), float64
        NaN is unknown; so are phenotypes that this cohort does not have, such as those of the user's own table of synthetic
        subjects.
    """
    values = phenotype_table(cohort).reindex(columns=list(names))
    return values.to_numpy(float, na_value=np.nan)


def enlarged(values: np.ndarray, names: Sequence[str], scale: float) -> np.ndarray:
    """Phenotypes of a heart after an in-plane enlargement.

    Parameters
    ----------
    values : ndarray, shape (n_names,)
        Phenotypes of the heart.
    names : sequence of str
        Which they are.
    scale : float
        In-plane enlargement.

    Returns
    -------
    ndarray, shape (n_names,)
        Times the scale to the power that the registry gives; NaN of a phenotype of the user's own table, of which nobody
        knows how it grows.
    """
    known = [PHENOTYPES[name].scaling if name in PHENOTYPES else np.nan for name in names]
    result: np.ndarray = values * scale ** np.array(known, float)
    return result
