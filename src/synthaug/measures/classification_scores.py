"""Scores of predicted classes against the diagnoses of a cohort, as result rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_json, read_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.measures.measurement import Measurement
from synthaug.tables import Row, make_table


def score_classification(predictions: str | Path, cohort: Cohort, measurement: Measurement) -> pd.DataFrame:
    """Score the predicted class of every subject.

    Parameters
    ----------
    predictions : path
        Folder with ``predictions.tsv`` (subject, probability of each class) and ``predictions.json`` (``classes``:
        diagnosis codes by class; ``classes_declared``: whether the settings name them).
    cohort : Cohort
        The subjects to score, with their diagnoses.
    measurement : Measurement
        Arm, generator, dose, fold and seeds.

    Returns
    -------
    DataFrame
        Rows of each subject: ``accuracy``, 1 where its class has the greatest probability (the first of equal ones), else
        0; ``brier``, sum over classes of (p_k - y_k)^2, from 0 to 2; ``class_probability`` of each class (`target`), with
        the class of the subject in the column `diagnosis`. Where no class was declared, a diagnosis that no training
        patient had is scored as wrong, as a class of its own with probability 0, and a note says so. A subject whose
        diagnosis is unknown or in no declared class is ``not_measured``.

    Raises
    ------
    SynthaugError
        A subject was not predicted.

    References
    ----------
    Brier, Mon. Weather Rev. 78, 1950.
    """
    folder = Path(predictions)
    described = read_json(folder / "predictions.json")
    classes, declared = described["classes"], described["classes_declared"]
    names = list(classes)
    class_of = {code: name for name, codes in classes.items() for code in codes}
    table = read_predictions(folder, cohort, names)
    rows: list[Row] = []
    for subject in cohort.subjects:
        record = cohort.record(subject)
        about = {"subject": subject, "vendor": record["vendor"], "diagnosis": record["diagnosis"]}
        probabilities = table.loc[subject].to_numpy(float)
        code = record["diagnosis"]
        true = None if pd.isna(code) else class_of.get(str(code))
        note = None
        if true is None and not pd.isna(code) and not declared:
            true = str(code)
            note = f"no training patient has the diagnosis {code}: scored as wrong"
        if true is None:
            why = "diagnosis unknown" if pd.isna(code) else f"diagnosis {code} is in no class"
            for metric in ("accuracy", "brier"):
                rows.append(measurement.not_measured(metric, note=why, **about))
            continue
        rows += _rows_of(names, true, probabilities, note, about, measurement)
    return make_table(rows)


def _rows_of(
    names: list[str],
    true: str,
    probabilities: np.ndarray,
    note: str | None,
    about: Mapping[str, Any],
    measurement: Measurement,
) -> list[Row]:
    found = {"status": "ok", "note": note, "n": 1}
    right = float(names[int(probabilities.argmax())] == true)
    outcome = np.array([name == true for name in names], float)
    # A class that is none of the outputs has probability 0: its term is (0 - 1)^2.
    brier = float(((probabilities - outcome) ** 2).sum()) + float(true not in names)
    of_class = {**about, "diagnosis": true, **found}
    return [
        measurement.row("accuracy", value=right, **about, **found),
        measurement.row("brier", value=brier, **about, **found),
        *(
            measurement.row("class_probability", value=float(value), target=name, **of_class)
            for name, value in zip(names, probabilities, strict=True)
        ),
    ]


def read_predictions(folder: Path, cohort: Cohort, names: list[str]) -> pd.DataFrame:
    """``predictions.tsv`` of a cohort, indexed by subject, with these columns.

    Raises
    ------
    SynthaugError
        A subject was not predicted.
    """
    table = read_tsv(folder / "predictions.tsv", ("subject",)).set_index("subject")
    absent = [subject for subject in cohort.subjects if subject not in table.index]
    if absent:
        raise SynthaugError(
            f"{folder / 'predictions.tsv'}: no prediction of subject {absent[0]}; predict again"
        )
    return table[names]
