"""Recovery: what was requested of a generator, found in its cines by models that saw real patients only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthaug.config.conditions import TELLS_DIAGNOSIS
from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import read_json
from synthaug.data.cohort import Cohort
from synthaug.data.splits import patients_in
from synthaug.measures.classification_scores import read_predictions
from synthaug.measures.controllability import controllable, with_requested_ef
from synthaug.measures.leakage import refuse_seen, seen_in_training
from synthaug.measures.measurement import Measurement
from synthaug.metrics.percentile_bootstrap import (
    NO_WIDTH,
    bootstrap_mean_interval,
    percentile_interval,
    resampled,
)
from synthaug.metrics.volumes import ejection_fraction
from synthaug.phenotypes.ef_category import EF_CATEGORIES, ef_category
from synthaug.synthesis.class_in_words import CLASS_FROM_SENTENCE
from synthaug.tables import Row, make_table

NETWORK, FOREST, EF_CATEGORY = "diagnosis_recovery", "diagnosis_recovery_forest", "ef_category_recovery"
#: Ends of the names of the same measure on real test patients, and of what no look at the cine gives.
REAL, CHANCE = "_real", "_chance"
BALANCED = "_balanced"
#: Share of a requested class (`diagnosis`) that is found as `target`, by metric.
RECOVERED_AS = {
    NETWORK: "diagnosis_recovered_as",
    FOREST: "diagnosis_recovered_as_forest",
    EF_CATEGORY: "ef_category_recovered_as",
}
#: Conditions that say an ejection fraction in words or as a picture.
_TELLS_EF = ("sentence", "labels")
#: Note of the rows of a generator that was given no class beside its sentences.
IN_WORDS = "requested in the sentence alone"
_ONE_CLASS = "one class only; at least 2 are needed"


@dataclass(frozen=True)
class Recognised:
    """Requested and recognised classes of some subjects.

    Attributes
    ----------
    asked, found : ndarray of str, shape (n,)
        Class that was requested, or that a real patient has; class that was recognised.
    units : ndarray of str, shape (n,)
        Patient of each subject; a synthetic subject is one of its own.
    classes : sequence of str
        Classes that can be recognised, in order.
    note : str
        Who was left out, and why; empty where nobody was.
    """

    asked: np.ndarray
    found: np.ndarray
    units: np.ndarray
    classes: Sequence[str]
    note: str = ""


def recognised_diagnoses(
    predictions: str | Path, cohort: Cohort, patients: Collection[str] = ()
) -> Recognised:
    """Diagnoses of a cohort, and those that a classifier recognises.

    Parameters
    ----------
    predictions : path
        Folder of a classification (`synthaug.tasks.image_level.predict.predict_subjects`) of this cohort.
    cohort : Cohort
        Synthetic subjects, whose diagnosis is the requested one, or real ones.
    patients : collection of str
        Patient of each subject, in the order of the cohort; by default each is one.

    Returns
    -------
    Recognised
        Without subjects whose diagnosis is unknown or in no declared class.

    Raises
    ------
    SynthaugError
        A subject was not predicted.
    """
    folder = Path(predictions)
    described = read_json(folder / "predictions.json")
    names = list(described["classes"])
    class_of = {code: name for name, codes in described["classes"].items() for code in codes}
    table = read_predictions(folder, cohort, names)
    codes = cohort.table["diagnosis"]
    asked = np.array(
        [
            ""
            if pd.isna(code)
            else class_of.get(str(code), "" if described["classes_declared"] else str(code))
            for code in codes
        ],
        dtype=object,
    )
    chosen = table.loc[list(cohort.subjects)].to_numpy(float).reshape(len(asked), len(names)).argmax(axis=1)
    units = np.array(list(patients) or list(cohort.subjects), dtype=object)
    known = asked != ""
    left_out = int((~known).sum())
    note = f"{left_out} subjects of no known class are left out" if left_out else ""
    return Recognised(asked[known], np.array(names, object)[chosen][known], units[known], names, note)


def recognised_ef(
    requested: Sequence[float] | np.ndarray,
    measured: Sequence[float] | np.ndarray,
    patients: Collection[str] = (),
) -> Recognised:
    """Categories of requested and of measured ejection fractions (%), of subjects whose both are known.

    Parameters
    ----------
    requested, measured : array-like, shape (n,)
        NaN where unknown.
    patients : collection of str
        Patient of each subject; by default each is one.
    """
    pairs = np.array([requested, measured], dtype=np.float64).T
    units = np.array(list(patients) or list(map(str, range(len(pairs)))), dtype=object)
    known = ~np.isnan(pairs).any(axis=1)
    asked, found = (ef_category(side).astype(object) for side in pairs[known].T)
    return Recognised(asked, found, units[known], EF_CATEGORIES)


def recovery_rows(metric: str, recognised: Recognised, measurement: Measurement, of: str = "") -> list[Row]:
    """Accuracy, balanced accuracy, recall of each class and, of synthetic subjects, chance and confusion.

    Parameters
    ----------
    metric : str
        `NETWORK`, `FOREST` or `EF_CATEGORY`.
    recognised : Recognised
        Requested and recognised classes.
    measurement : Measurement
        Generator, fold and seeds; replicates of the bootstrap, coverage, seed.
    of : str
        Appended to the metrics' names: empty for synthetic subjects, `REAL` for real ones.

    Returns
    -------
    list of Row
        ``<metric>``: share of the subjects whose recognised class is the requested one; visits of a patient are averaged
        first. The same with the column `diagnosis` (of `EF_CATEGORY`: `target`): recall of a class.
        ``<metric>_balanced``: mean over requested classes of the recall. ``<metric>_chance``: share of the most frequent
        requested class, the best that one answer to all can reach; ``<metric>_balanced_chance``: one over the number of
        requested classes. Confusion: share of the subjects of a requested class (`diagnosis`) that are recognised as
        `target`. Intervals: percentile bootstrap over patients, of the balanced accuracy within classes; none where a class
        has one patient.
    """
    settings = measurement.settings
    table = pd.DataFrame({"unit": recognised.units, "asked": recognised.asked, "found": recognised.found})
    table["right"] = (table["asked"] == table["found"]).astype(float)
    n = table["unit"].nunique()
    if not n:
        why = recognised.note or "no subject whose class is both requested and recognised"
        return _without(metric, of, measurement, why, n=0)
    names = [name for name in recognised.classes if name in set(table["asked"])]
    names += sorted(set(table["asked"]) - set(names))
    # A patient whose visits are of several classes counts once in each.
    own = {
        name: table[table["asked"] == name].groupby("unit", sort=False)["right"].mean().to_numpy(float)
        for name in names
    }
    overall = table.groupby("unit", sort=False)["right"].mean().to_numpy(float)
    shared = {"note": recognised.note}
    rows = [measurement.row(metric + of, **_mean(overall, settings, **shared))]
    place = "target" if metric == EF_CATEGORY else "diagnosis"
    for name, values in own.items():
        rows.append(measurement.row(metric + of, **{place: name}, **_mean(values, settings, **shared)))
    balanced = metric + BALANCED
    if len(own) < 2:
        rows.append(measurement.not_measured(balanced + of, note=_ONE_CLASS, n=n))
    else:
        found: Row = {"value": float(np.mean([values.mean() for values in own.values()])), "n": n}
        single = [name for name, values in own.items() if len(values) == 1]
        if single:  # drawn within the class, its only subject would be certain
            why = f"no interval: one subject of {', '.join(single)}"
            found["note"] = "; ".join(filter(None, (recognised.note, why)))
        else:
            low, high = _balanced_interval(list(own.values()), settings)
            found |= {"ci_low": low, "ci_high": high, "note": _noted(recognised.note, low, high)}
        rows.append(measurement.row(balanced + of, status="ok", **found))
    if of:
        return rows
    greatest = max(len(values) for values in own.values()) / sum(len(values) for values in own.values())
    rows.append(measurement.row(metric + CHANCE, status="ok", value=greatest, n=n))
    rows.append(measurement.row(balanced + CHANCE, status="ok", value=1 / len(own), n=n))
    return [*rows, *_confusion(metric, table, names, recognised.classes, measurement)]


def _confusion(
    metric: str, table: pd.DataFrame, names: Sequence[str], classes: Sequence[str], measurement: Measurement
) -> list[Row]:
    rows = []
    for name in names:
        members = table[table["asked"] == name]
        for other in classes:
            shares = (members["found"] == other).astype(float).groupby(members["unit"], sort=False).mean()
            found = _mean(shares.to_numpy(float), measurement.settings)
            rows.append(measurement.row(RECOVERED_AS[metric], diagnosis=name, target=other, **found))
    return rows


def measure_diagnosis_recovery(
    metric: str,
    cohort: Cohort,
    predictions: str | Path,
    tested: Cohort,
    split: pd.DataFrame,
    test_predictions: str | Path,
    measurement: Measurement,
) -> pd.DataFrame:
    """Recovery of the requested diagnosis by one classifier, and its accuracy on real test patients.

    Parameters
    ----------
    metric : str
        `NETWORK` or `FOREST`: what classifies.
    cohort : Cohort
        Synthetic subjects.
    predictions : path
        What the classifier says of them.
    tested : Cohort
        All tested real subjects of the fold.
    split : DataFrame
        The fold's table (`synthaug.data.splits.read_split`).
    test_predictions : path
        What the same classifier says of the tested subjects.
    measurement : Measurement
        Generator, fold and seeds; replicates of the bootstrap, coverage, seed.

    Returns
    -------
    DataFrame
        Rows of `recovery_rows`. Those of the synthetic subjects are ``not_measured`` where the generator is not
        conditioned on the diagnosis, and where the subjects are real patients whom the classifier was trained on. They note where the
        sentence alone said the diagnosis.

    Raises
    ------
    SynthaugError
        The classifier was trained on a tested patient; a subject was not predicted.
    """
    seen, patient_of = seen_in_training(predictions), patients_in(split)
    refuse_seen(f"the classifier behind {predictions}", seen, split)
    patients = [patient_of[subject] for subject in tested.subjects]
    real = recovery_rows(metric, recognised_diagnoses(test_predictions, tested, patients), measurement, REAL)
    why = _why_no_diagnosis(cohort.meta, seen)
    if why:
        return make_table([*_without(metric, "", measurement, why), *real])
    recognised = recognised_diagnoses(predictions, cohort)
    if cohort.meta.get(CLASS_FROM_SENTENCE):
        recognised = replace(recognised, note="; ".join(filter(None, (IN_WORDS, recognised.note))))
    return make_table([*recovery_rows(metric, recognised, measurement), *real])


def measure_ef_recovery(
    cohort: Cohort,
    measured: pd.DataFrame,
    tested: Cohort,
    patients: Collection[str],
    test_measured: pd.DataFrame,
    measurement: Measurement,
) -> pd.DataFrame:
    """Recovery of the requested EF category by an independent segmenter, and its accuracy on real test patients.

    Parameters
    ----------
    cohort : Cohort
        Synthetic subjects, with their requested volumes.
    measured : DataFrame
        `subject` and `lv_ef` that the segmenter measures on their images (`synthaug.measures.scoring.predicted_volumes`).
    tested : Cohort
        All tested real subjects of the fold, with the volumes of their reference labels.
    patients : collection of str
        Their patients, in the order of the cohort.
    test_measured : DataFrame
        The same of them.
    measurement : Measurement
        Generator, fold and seeds; replicates of the bootstrap, coverage, seed.

    Returns
    -------
    DataFrame
        Rows of `recovery_rows`. Those of the synthetic subjects are ``not_measured`` where the generator is not
        conditioned on the EF, or on what determines it.
    """
    reference = [
        ejection_fraction(edv_ml, esv_ml)
        for edv_ml, esv_ml in zip(tested.table["lv_edv_ml"], tested.table["lv_esv_ml"], strict=True)
    ]
    real = recovery_rows(
        EF_CATEGORY, recognised_ef(reference, _ef_of(test_measured, tested), patients), measurement, REAL
    )
    conditions = cohort.meta.get("conditions")
    requested = with_requested_ef(cohort.table)
    why = ""
    if "lv_ef" not in controllable(conditions) and not set(_TELLS_EF) & set(conditions or ()):
        why = "the generator is not conditioned on the ejection fraction"
    elif "requested_lv_ef" not in requested:
        why = "no ejection fraction was requested"
    if why:
        return make_table([*_without(EF_CATEGORY, "", measurement, why), *real])
    found = recognised_ef(requested["requested_lv_ef"].to_numpy(float), _ef_of(measured, cohort))
    return make_table([*recovery_rows(EF_CATEGORY, found, measurement), *real])


def leave_recovery_out(metric: str, note: str, measurement: Measurement) -> pd.DataFrame:
    """The rows of a measure that the study has no task for, without values."""
    return make_table([*_without(metric, "", measurement, note), *_without(metric, REAL, measurement, note)])


def _why_no_diagnosis(meta: Any, seen: Collection[str]) -> str:
    conditions = meta.get("conditions")
    if conditions is not None and not set(TELLS_DIAGNOSIS) & set(conditions):
        return "the generator is not conditioned on the diagnosis"
    if "real_dataset" in meta and set(meta.get("seen", ())) & set(seen):
        return "the subjects are real patients whom the classifier was trained on"
    return ""


def _without(metric: str, of: str, measurement: Measurement, why: str, **columns: Any) -> list[Row]:
    names = (metric + of, metric + BALANCED + of)
    return [measurement.not_measured(name, note=why, **columns) for name in names]


def _ef_of(measured: pd.DataFrame, cohort: Cohort) -> np.ndarray:
    """EF of the subjects of a cohort, NaN where unknown."""
    values: np.ndarray = measured.set_index("subject")["lv_ef"].reindex(cohort.subjects).to_numpy(float)
    return values


def _mean(values: np.ndarray, settings: EvaluationSettings, note: str = "") -> Row:
    """Mean over patients with its interval; none of a single patient."""
    row: Row = {"status": "ok", "n": len(values), "value": float(values.mean())}
    if len(values) < 2:
        return {**row, "note": note}
    low, high = bootstrap_mean_interval(values, settings.replicates, settings.confidence, settings.seed)
    return {**row, "ci_low": low, "ci_high": high, "note": _noted(note, low, high)}


def _balanced_interval(own: Sequence[np.ndarray], settings: EvaluationSettings) -> tuple[float, float]:
    """Interval of the mean recall: patients are drawn within classes."""
    rng = np.random.default_rng(settings.seed)
    drawn = [
        np.concatenate([block.mean(axis=1) for block in resampled(values, settings.replicates, rng)])
        for values in own
    ]
    return percentile_interval(np.mean(drawn, axis=0), settings.confidence)


def _noted(note: str, low: float, high: float) -> str:
    return "; ".join(filter(None, (note, NO_WIDTH if low == high else "")))
