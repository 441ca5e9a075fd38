"""Agreement of an arm's cardiac function with the reference, as clinical papers print it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import PREDICTED, columns_of
from synthaug.metrics.percentile_bootstrap import percentile_interval
from synthaug.statistics.estimate_rows import arm_fields
from synthaug.statistics.scores import RUN, average_visits, of_headline
from synthaug.tables import Row, make_table

#: Beside the mean error, its bias, that `synthaug.statistics.comparisons` writes.
SUFFIXES = ("_mae", "_sd", "_loa_low", "_loa_high", "_r")
_LEAST_PATIENTS = 3
#: Standard deviations between the bias and a 95 % limit of agreement.
_LIMITS = 1.96
_ROUNDING = 1e-9
_VALUES_AT_ONCE = 4_000_000


def clinical_agreement(
    scores: pd.DataFrame, arms: Sequence[Arm], settings: EvaluationSettings
) -> pd.DataFrame:
    """Mean absolute error, SD, limits of agreement and correlation, per arm and structure.

    Parameters
    ----------
    scores : DataFrame
        Result rows per patient of all arms, with errors (predicted minus reference) and predicted values. Visits of a patient
        are averaged; where foreign vendors are tested, their patients alone count.
    arms : sequence of Arm
        All arms, controls included.
    settings : EvaluationSettings
        Coverage, replicates and seed of the bootstrap over patients.

    Returns
    -------
    DataFrame
        Rows ``<error>_mae``, ``_sd``, ``_loa_low``, ``_loa_high`` in the unit of the error and ``<error>_r``: each
        statistic over the patients of one training, averaged over trainings. The interval counts patients, not trainings;
        `n` is the number of patients. Fewer than three patients of a training: ``not_measured``, because a correlation of
        two is -1 or 1 and their SD is biased.

    References
    ----------
    Bland and Altman, Lancet 327, 1986. The statistics are those of ACDC's tables (Bernard et al., IEEE Trans. Med. Imaging 37,
    2018).
    """
    rows: list[Row] = []
    wanted = scores["metric"].isin([*PREDICTED, *PREDICTED.values()]) & scores["value"].notna()
    measured = average_visits(of_headline(scores[wanted]))
    for metric, predicted in PREDICTED.items():
        own = measured[measured["metric"].isin([metric, predicted])]
        for structure in own["structure"].drop_duplicates():
            here = own[own["structure"] == structure]
            for arm in arms:
                of_arm = here[here["arm"] == arm.name]
                place = {**arm_fields(arm), "structure": structure}
                rows += _rows_of(of_arm, metric, predicted, place, settings)
    return make_table(rows)


def _rows_of(
    rows: pd.DataFrame, metric: str, predicted: str, place: Row, settings: EvaluationSettings
) -> list[Row]:
    tables = [
        run.pivot(index="patient", columns="metric", values="value").reindex(columns=[predicted, metric])
        for _, run in rows.groupby(list(RUN), dropna=False)
    ]
    patients = sorted(set().union(*(table.dropna().index for table in tables)))
    n = len(patients)
    fewest = min((scored for table in tables if (scored := len(table.dropna()))), default=0)
    if fewest < _LEAST_PATIENTS:
        note = f"{fewest} patients in a training; at least {_LEAST_PATIENTS} are needed"
        absent = {**place, "status": "not_measured", "note": note, "n": n}
        return [{**columns_of(metric, suffix), **absent} for suffix in SUFFIXES]
    values = np.stack([table.reindex(patients).to_numpy(float) for table in tables])  # (run, patient, 2)
    estimate = _statistics(values)
    rng = np.random.default_rng(settings.seed)
    drawn = rng.integers(n, size=(settings.replicates, n))
    # A few replicates at a time: memory stays small with many patients and trainings.
    step = max(1, _VALUES_AT_ONCE // values.size)
    chunks = (drawn[start : start + step] for start in range(0, len(drawn), step))
    replicates = np.concatenate([_statistics(values[:, chunk].swapaxes(0, 1)) for chunk in chunks])
    found = []
    for number, suffix in enumerate(SUFFIXES):
        shared = {**columns_of(metric, suffix), **place, "n": n}
        known = replicates[~np.isnan(replicates[:, number]), number]
        if np.isnan(estimate[number]) or not len(known):
            found.append({**shared, "status": "not_measured", "note": "the values do not vary"})
            continue
        low, high = percentile_interval(known, settings.confidence)
        found.append(
            {**shared, "status": "ok", "value": float(estimate[number]), "ci_low": low, "ci_high": high}
        )
    return found


def _statistics(values: np.ndarray) -> np.ndarray:
    """The statistics of `SUFFIXES`, averaged over trainings, shape (..., 5).

    Values (..., n_runs, n_patients, 2) are prediction and error; NaN where a training did not score a patient.
    """
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a training without two patients stays NaN
        predicted, error = values[..., 0], values[..., 1]
        reference = predicted - error
        bias, spread = np.nanmean(error, axis=-1), np.nanstd(error, axis=-1, ddof=1)
        first = predicted - np.nanmean(predicted, axis=-1, keepdims=True)
        second = reference - np.nanmean(reference, axis=-1, keepdims=True)
        scale = np.sqrt(np.nansum(first**2, axis=-1) * np.nansum(second**2, axis=-1))
        r = np.where(scale > _ROUNDING, np.nansum(first * second, axis=-1) / scale, np.nan)
        found = (
            np.nanmean(np.abs(error), axis=-1),
            spread,
            bias - _LIMITS * spread,
            bias + _LIMITS * spread,
            r,
        )
        mean: np.ndarray = np.stack([np.nanmean(statistic, axis=-1) for statistic in found], axis=-1)
    return mean
