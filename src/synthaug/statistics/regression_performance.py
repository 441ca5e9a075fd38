"""How well an arm predicts phenotypes: coefficient of determination and mean absolute error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import columns_of
from synthaug.metrics.percentile_bootstrap import percentile_interval
from synthaug.statistics.estimate_rows import arm_fields
from synthaug.statistics.scores import average_visits, of_headline
from synthaug.tables import Row, make_table

_LEAST_PATIENTS = 2
_ROUNDING = 1e-9
_METRICS = ("phenotype_error", "reference_phenotype")


def regression_performance(
    scores: pd.DataFrame, arms: Sequence[Arm], settings: EvaluationSettings
) -> pd.DataFrame:
    """R² of each phenotype and their mean, and mean absolute errors, per arm.

    Parameters
    ----------
    scores : DataFrame
        Result rows per patient of all arms, with `phenotype_error` and `reference_phenotype`. Visits of a patient are
        averaged; where foreign vendors are tested, their patients alone count.
    arms : sequence of Arm
        All arms, controls included.
    settings : EvaluationSettings
        Coverage, replicates and seed of the bootstrap over patients.

    Returns
    -------
    DataFrame
        No row where no phenotype was predicted. ``r2`` of a phenotype (`target`): 1 - sum of squared errors / sum of
        squared deviations of the reference from its mean, over all tested patients of all folds; a patient's squared error
        is the mean over its trainings. ``r2`` without target: mean over the phenotypes. ``phenotype_error_mae`` in the
        unit of the phenotype: mean over a patient's trainings, then over patients. Intervals are of one bootstrap over
        patients; they count patients, not trainings. Fewer than two patients, or a reference that does not vary:
        ``not_measured``.
    """
    measured = of_headline(scores[scores["metric"].isin(_METRICS) & scores["value"].notna()])
    rows: list[Row] = []
    for arm in arms if len(measured) else ():
        own = measured[measured["arm"] == arm.name]
        targets = [_read(own, str(name), measured) for name in measured["target"].dropna().drop_duplicates()]
        for row in _rows_of(targets, settings):
            rows.append({**row, **arm_fields(arm)})
    return make_table(rows)


@dataclass(frozen=True)
class _Errors:
    """One phenotype of one arm.

    Attributes
    ----------
    target, unit : str
        Phenotype, and unit of its error.
    patients : Index
        Patients with a reference and a prediction.
    reference, squares, absolute : ndarray, shape (n_patients,)
        Reference; squared and absolute error, mean over trainings.
    """

    target: str
    unit: str
    patients: pd.Index
    reference: np.ndarray
    squares: np.ndarray
    absolute: np.ndarray


def _read(own: pd.DataFrame, target: str, measured: pd.DataFrame) -> _Errors:
    here = own[own["target"] == target]
    # Of one target at a time: visits are averaged within it.
    of_patients = average_visits(here)
    errors = of_patients[of_patients["metric"] == "phenotype_error"]
    by_patient = errors.assign(square=errors["value"] ** 2, absolute=errors["value"].abs())
    means = by_patient.groupby("patient")[["square", "absolute"]].mean()
    reference = of_patients[of_patients["metric"] == "reference_phenotype"].groupby("patient")["value"].mean()
    patients = means.index.intersection(reference.index).sort_values()
    means = means.loc[patients]
    every = measured[(measured["target"] == target) & (measured["metric"] == "phenotype_error")]
    units = every["unit"].dropna()
    return _Errors(
        target,
        str(units.iloc[0]) if len(units) else "",
        patients,
        reference.loc[patients].to_numpy(float),
        means["square"].to_numpy(float),
        means["absolute"].to_numpy(float),
    )


def _rows_of(targets: Sequence[_Errors], settings: EvaluationSettings) -> list[Row]:
    patients = pd.Index(sorted(set().union(*(own.patients for own in targets))))
    n = len(patients)
    rng = np.random.default_rng(settings.seed)
    counts = rng.multinomial(n, np.full(n, 1 / n), settings.replicates) if n else np.zeros((1, 0))
    rows: list[Row] = []
    values, replicates = [], []
    for own in targets:
        drawn = counts[:, patients.get_indexer(own.patients)].astype(float)
        about = {"target": own.target, "n": len(own.patients)}
        error = {**columns_of("phenotype_error", "_mae"), "unit": own.unit, **about}
        r2 = {**columns_of("r2"), **about}
        if len(own.patients) < _LEAST_PATIENTS:
            note = f"{len(own.patients)} patients with a reference; at least {_LEAST_PATIENTS} are needed"
            rows += [{**row, "status": "not_measured", "note": note} for row in (error, r2)]
            continue
        rows.append({**error, **_estimate(*_mean_of(own.absolute, drawn), settings)})
        value, samples = _r2_of(own, np.ones((1, len(own.patients))))[0], _r2_of(own, drawn)
        if np.isnan(value):
            note = "the reference does not vary between the patients"
            rows.append({**r2, "status": "not_measured", "note": note})
            continue
        rows.append({**r2, **_estimate(float(value), samples, settings)})
        values.append(value)
        replicates.append(samples)
    mean: Row = {**columns_of("r2"), "n": n}
    if not values:
        note = "no phenotype with two patients whose reference varies"
        return [*rows, {**mean, "status": "not_measured", "note": note}]
    row = {**mean, **_estimate(float(np.mean(values)), np.mean(replicates, axis=0), settings)}
    if len(values) < len(targets):
        row["note"] = f"mean of {len(values)} of {len(targets)} phenotypes; the others were not measured"
    return [*rows, row]


def _mean_of(values: np.ndarray, drawn: np.ndarray) -> tuple[float, np.ndarray]:
    with np.errstate(invalid="ignore"):
        return float(values.mean()), drawn @ values / drawn.sum(axis=1)


def _r2_of(own: _Errors, drawn: np.ndarray) -> np.ndarray:
    """R² of samples that have each patient so often, (n_samples,); NaN where the reference does not vary."""
    # About the mean of all, so that the difference of two large sums does not lose digits.
    centred = own.reference - own.reference.mean()
    size = drawn.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = drawn @ centred**2 - (drawn @ centred) ** 2 / size
        least = _ROUNDING * np.maximum(size, 1) * max(1e-300, float((own.reference**2).max()))
        return np.where(total > least, 1 - drawn @ own.squares / total, np.nan)


def _estimate(value: float, samples: np.ndarray, settings: EvaluationSettings) -> Row:
    known = samples[~np.isnan(samples)]
    row: Row = {"status": "ok", "value": value}
    if len(known):
        low, high = percentile_interval(known, settings.confidence)
        row |= {"ci_low": low, "ci_high": high}
        if low == high:  # of two patients all samples with an R² have each once
            row["note"] = "bootstrap samples do not differ: the interval has no width"
    return row
