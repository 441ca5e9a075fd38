"""What can be asked of a generator, read from a table, and what cannot."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from synthaug.config.conditions import CATEGORIES, REQUESTED
from synthaug.core.artifacts import read_tsv
from synthaug.core.errors import SynthaugError

TEXT_CONDITIONS = CATEGORIES
#: What one request says of a heart, besides its id and seed.
CONDITION_COLUMNS = REQUESTED


def conditions_of(training: pd.DataFrame) -> pd.DataFrame:
    """What each real subject would be asked as.

    Parameters
    ----------
    training : DataFrame
        Rows of a cohort's table.

    Returns
    -------
    DataFrame
        `CONDITION_COLUMNS`, numbered from 0; unknown text is None, unknown numbers are NaN.
    """
    subjects = training.reset_index(drop=True)
    conditions = subjects[["lv_edv_ml", "lv_esv_ml", "myo_mass_g", "n_slices"]].astype(float)
    for column in TEXT_CONDITIONS:
        conditions[column] = subjects[column].astype(object).where(subjects[column].notna(), None)
    phase = subjects["es_frame"].astype(float) / subjects["n_frames"].astype(float)
    conditions["es_phase"] = phase.where(phase > 0)
    return conditions[list(CONDITION_COLUMNS)]


def read_requests(path: Path) -> pd.DataFrame:
    """Read a user's table of requests; absent columns and empty fields are open.

    Raises
    ------
    SynthaugError
        No such file, no rows, an unknown column, or a number that is none.
    """
    if not path.is_file():
        raise SynthaugError(f"{path}: no such table of requests; see synthesis.plan.table")
    requests = read_tsv(path, TEXT_CONDITIONS)
    unknown = [column for column in requests.columns if column not in CONDITION_COLUMNS]
    if unknown:
        known = ", ".join(CONDITION_COLUMNS)
        raise SynthaugError(f"{path}: unknown column {unknown[0]!r}; known are {known}, separated by tabs")
    if requests.empty:
        raise SynthaugError(f"{path}: no requests; add a row for each heart to ask for")
    requests = requests.reindex(columns=list(CONDITION_COLUMNS))
    for column in CONDITION_COLUMNS:
        if column in TEXT_CONDITIONS:
            requests[column] = requests[column].astype(object).where(requests[column].notna(), None)
            continue
        numbers = pd.to_numeric(requests[column], errors="coerce")
        wrong = requests.index[numbers.isna() & requests[column].notna()]
        if len(wrong):
            value = requests[column][wrong[0]]
            raise SynthaugError(
                f"{path}: row {wrong[0] + 1}: {column} is {value!r}; give a number or nothing"
            )
        requests[column] = numbers.astype(float)
    return requests


def refuse_impossible(requests: pd.DataFrame, subjects: pd.DataFrame, max_slices: int, where: str) -> None:
    """Refuse hearts that cannot be, or that the generator has never heard of.

    Parameters
    ----------
    requests : DataFrame
        `CONDITION_COLUMNS`; open values are None or NaN and always possible.
    subjects : DataFrame
        The real training subjects, from `conditions_of`.
    max_slices : int
        Slices of the training grid.
    where : str
        What the message should call the requests.

    Raises
    ------
    SynthaugError
        The first impossible request: its row, counted from 1, what is impossible, and the remedy.
    """
    seen = {column: sorted(subjects[column].dropna().unique()) for column in TEXT_CONDITIONS}
    for number, row in enumerate(requests.to_dict("records"), start=1):
        problem = _problem_of(row, seen, max_slices)
        if problem:
            raise SynthaugError(f"{where}: row {number}: {problem}")


def _problem_of(row: dict, seen: dict[str, list[str]], max_slices: int) -> str | None:
    for column in TEXT_CONDITIONS:
        if pd.notna(row[column]) and row[column] not in seen[column]:
            known = ", ".join(seen[column]) or "none"
            return f"unknown {column} {row[column]!r}; the training subjects have {known}"
    for column, what in (
        ("lv_edv_ml", "a volume must be above 0 mL"),
        ("lv_esv_ml", "a volume must be above 0 mL"),
        ("myo_mass_g", "a mass must be above 0 g"),
    ):
        if row[column] <= 0:
            return f"{column} is {row[column]:g}; {what}"
    edv_ml, esv_ml, n_slices = row["lv_edv_ml"], row["lv_esv_ml"], row["n_slices"]
    if esv_ml >= edv_ml:
        return f"lv_esv_ml {esv_ml:g} is not below lv_edv_ml {edv_ml:g}; ask for a heart that ejects"
    if n_slices < 1 or n_slices > max_slices or n_slices % 1 > 0:
        return f"n_slices is {n_slices:g}; give a whole number from 1 to {max_slices}, the slices of the grid"
    if row["es_phase"] <= 0 or row["es_phase"] >= 1:
        return f"es_phase is {row['es_phase']:g}; give a fraction of the cycle between 0 and 1"
    return None
