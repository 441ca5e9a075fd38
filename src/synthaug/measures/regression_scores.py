"""Scores of predicted phenotypes against those of a cohort, as result rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from synthaug.core.artifacts import read_json
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.measures.classification_scores import read_predictions
from synthaug.measures.measurement import Measurement
from synthaug.metric_registry import POINTS
from synthaug.tables import Row, make_table


def score_regression(predictions: str | Path, cohort: Cohort, measurement: Measurement) -> pd.DataFrame:
    """Score the predicted phenotypes of every subject.

    Parameters
    ----------
    predictions : path
        Folder with ``predictions.tsv`` (subject, each phenotype in its unit) and ``predictions.json`` (``targets``:
        ``sd`` and ``unit`` of each phenotype).
    cohort : Cohort
        The subjects to score, with their phenotypes.
    measurement : Measurement
        Arm, generator, dose, fold and seeds.

    Returns
    -------
    DataFrame
        Rows of each subject and phenotype (`target`): ``absolute_error_sd``, |predicted - reference| in SD of the fold's
        training patients; ``phenotype_error``, predicted minus reference; ``predicted_phenotype``;
        ``reference_phenotype``. All but the prediction are ``not_measured`` where the reference is unknown. Nothing is
        imputed.

    Raises
    ------
    SynthaugError
        A subject was not predicted; the cohort came without phenotypes, or without one of the targets.
    """
    folder = Path(predictions)
    targets = read_json(folder / "predictions.json")["targets"]
    table = read_predictions(folder, cohort, list(targets))
    if cohort.phenotypes is None:
        raise SynthaugError(
            f"{cohort.name}: phenotypes were not given; open the cohort with those of measure_phenotypes"
        )
    absent = [name for name in targets if name not in cohort.phenotypes]
    if absent:
        raise SynthaugError(
            f"{cohort.name}: no phenotype {absent[0]!r} to score against; measure phenotypes again"
        )
    rows: list[Row] = []
    for subject in cohort.subjects:
        record = cohort.record(subject)
        about = {"subject": subject, "vendor": record["vendor"], "diagnosis": record["diagnosis"]}
        for name, target in targets.items():
            place = {**about, "target": name}
            unit = target["unit"]
            predicted = float(table.loc[subject, name])
            reference = pd.to_numeric(cohort.phenotypes.loc[subject, name])
            own = {**place, "unit": unit}
            error_unit = POINTS if unit == "%" else unit
            rows.append(measurement.row("predicted_phenotype", value=predicted, status="ok", n=1, **own))
            if pd.isna(reference):
                note = f"reference {name} is unknown"
                rows += [
                    measurement.not_measured("absolute_error_sd", note=note, **place),
                    measurement.not_measured("phenotype_error", note=note, unit=error_unit, **place),
                    measurement.not_measured("reference_phenotype", note=note, **own),
                ]
                continue
            error, found = predicted - float(reference), {"status": "ok", "n": 1}
            rows += [
                measurement.row(
                    "absolute_error_sd", value=abs(error) / float(target["sd"]), **place, **found
                ),
                measurement.row("phenotype_error", value=error, **{**place, "unit": error_unit}, **found),
                measurement.row("reference_phenotype", value=float(reference), **own, **found),
            ]
    return make_table(rows)
