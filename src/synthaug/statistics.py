"""Arms compared: means over patients, paired differences, intervals and tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metrics.definitions import DEFINITIONS, fields_of
from synthaug.tables import make_table

Row = dict[str, Any]
#: What makes one training of an arm; trainings are averaged within a patient.
RUN = ("fold", "generator_seed", "training_seed")
OVERALL = ("dice", "hd", "hd95", "assd")  # metrics that are also averaged over structures and phases
_ROUNDING = 12  # decimals differences are rounded to before ranking, so that equal ones tie


class Scores(NamedTuple):
    """Values of one arm: one row a patient, one column a training.

    Attributes
    ----------
    values : ndarray, shape (n_patients, n_runs)
        NaN where a training did not score a patient.
    folds : ndarray, shape (n_runs,)
        Fold of each training.
    """

    values: np.ndarray
    folds: np.ndarray


def compare_arms(scores: pd.DataFrame, arms: Sequence[Arm], settings: EvaluationSettings) -> pd.DataFrame:
    """Means of every arm, and its paired differences from its controls and from real data alone.

    Parameters
    ----------
    scores : DataFrame
        Result rows per patient (`synthaug.metrics.scoring.score_predictions`) of all arms, folds and seeds.
    arms : sequence of Arm
        All arms, controls included.
    settings : EvaluationSettings
        Replicates, coverage, seed and the metrics of the Holm family.

    Returns
    -------
    DataFrame
        Rows ``<metric>_mean`` for each arm, and ``<metric>_difference`` (arm minus `versus`, same
        patients) for each arm against real data alone and each arm with synthetic data against its
        size-matched controls: per structure and phase and, for overlap and surface metrics, over all of
        them. Intervals are percentiles of a bootstrap over patients and, within each fold, over
        trainings. p-values are of the Wilcoxon signed-rank test over patients, after averaging
        trainings; `p_adjusted` is Holm's over the comparisons with controls in the metrics of the
        family, per structure and phase.
    """
    measured = scores[scores["value"].notna() & scores["metric"].isin(list(DEFINITIONS))]
    rows: list[Row] = []
    for keys, group in _groups(measured):
        shared = dict(zip(("metric", "structure", "phase"), keys, strict=True))
        rows += _compare(group, shared, arms, settings)
    _adjust([row for row in rows if row.pop("in_family", False)])
    return make_table(rows)


def comparisons_of(arms: Sequence[Arm]) -> list[tuple[Arm, Arm, bool]]:
    """Pairs (arm, other, whether other is the arm's size-matched control) that are compared."""
    references = [arm for arm in arms if arm.real and arm.generator is None]
    pairs = [(arm, other, True) for arm in arms for other in arms if other.control_of == arm.name]
    return pairs + [(arm, other, False) for arm in arms if arm not in references for other in references]


def holm(p_values: Iterable[float]) -> np.ndarray:
    """Holm's step-down correction.

    Parameters
    ----------
    p_values : iterable of float
        p-values of one family.

    Returns
    -------
    ndarray, shape (m,)
        Adjusted p-values, in the same order, at most 1.

    References
    ----------
    Holm, Scand. J. Stat. 6, 1979.
    """
    plain = np.asarray(list(p_values), np.float64)
    order = np.argsort(plain, kind="stable")
    stepped = plain[order] * np.arange(len(plain), 0, -1)
    adjusted = np.empty_like(plain)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted


def wilcoxon_p(differences: np.ndarray) -> float:
    """Two-sided p-value of the Wilcoxon signed-rank test; 1 where all differences are zero.

    Parameters
    ----------
    differences : ndarray, shape (n,)
        Paired differences, one a patient. Zeros are dropped; ties take mean ranks; exact for few patients.
    """
    from scipy.stats import wilcoxon

    rounded = np.round(differences, _ROUNDING)
    return float(wilcoxon(rounded).pvalue) if rounded.any() else 1.0


def replicate_means(scores: Scores, patients: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bootstrap means of one arm: trainings drawn within their fold, patients as given.

    Parameters
    ----------
    scores : Scores
        The arm's values.
    patients : ndarray, shape (n_replicates, n_patients)
        How often each patient was drawn.
    rng : numpy.random.Generator
        Source of the trainings drawn.

    Returns
    -------
    ndarray, shape (n_replicates, n_patients)
        For each replicate the patients' values, averaged over the drawn trainings; NaN where none scored one.
    """
    runs = np.zeros((len(patients), len(scores.folds)))
    for fold in np.unique(scores.folds):
        members = np.flatnonzero(scores.folds == fold)
        runs[:, members] = rng.multinomial(
            len(members), np.full(len(members), 1 / len(members)), len(patients)
        )
    known = ~np.isnan(scores.values)
    totals = runs @ np.where(known, scores.values, 0.0).T
    counts = runs @ known.T
    with np.errstate(invalid="ignore"):
        means: np.ndarray = totals / counts
    return means


def _groups(measured: pd.DataFrame) -> Iterable[tuple[tuple[str, str | None, str | None], pd.DataFrame]]:
    for metric in dict.fromkeys(measured["metric"]):
        rows = measured[measured["metric"] == metric]
        places = rows[["structure", "phase"]].drop_duplicates()
        if metric in OVERALL and len(places) > 1:
            # A patient counts once: the mean over the structures and phases that have a value.
            yield (metric, None, None), rows
        for place in places.itertuples(index=False):
            structure, phase = (None if pd.isna(part) else str(part) for part in place)
            here = (rows["structure"].eq(structure) if structure else rows["structure"].isna()) & (
                rows["phase"].eq(phase) if phase else rows["phase"].isna()
            )
            yield (metric, structure, phase), rows[here]


def _compare(
    group: pd.DataFrame, shared: Row, arms: Sequence[Arm], settings: EvaluationSettings
) -> list[Row]:
    patients = sorted(group["subject"].unique())
    scores = {arm.name: _scores(group[group["arm"] == arm.name], patients) for arm in arms}
    rng = np.random.default_rng(settings.seed)
    drawn = rng.multinomial(len(patients), np.full(len(patients), 1 / len(patients)), settings.replicates)
    replicates = {name: replicate_means(values, drawn, rng) for name, values in scores.items()}
    means = {name: _patient_means(values) for name, values in scores.items()}
    metric, place = shared["metric"], {key: shared[key] for key in ("structure", "phase")}
    rows: list[Row] = []
    for arm in arms:
        about = {**fields_of(metric, "_mean"), **place, **_arm_fields(arm)}
        rows.append({**about, **_estimate(means[arm.name], replicates[arm.name], drawn, settings)})
    for arm, other, is_control in comparisons_of(arms):
        about = {**fields_of(metric, "_difference"), **place, **_arm_fields(arm), "versus": other.name}
        difference = means[arm.name] - means[other.name]
        row = _estimate(difference, replicates[arm.name] - replicates[other.name], drawn, settings)
        if row["status"] == "ok":
            row["p_value"] = wilcoxon_p(difference[~np.isnan(difference)])
            row["in_family"] = is_control and metric in settings.family and shared["structure"] is not None
        rows.append({**about, **row})
    return rows


def _scores(rows: pd.DataFrame, patients: list[str]) -> Scores:
    if rows.empty:
        return Scores(np.full((len(patients), 1), np.nan), np.zeros(1))
    # Pivoting drops keys that are not known, such as the generator seed of an arm without a generator.
    keyed = rows.assign(**{key: rows[key].astype(float).fillna(-1) for key in RUN})
    table = keyed.pivot_table(index="subject", columns=list(RUN), values="value", aggfunc="mean")
    return Scores(
        table.reindex(patients).to_numpy(np.float64), table.columns.get_level_values("fold").to_numpy()
    )


def _patient_means(scores: Scores) -> np.ndarray:
    known = ~np.isnan(scores.values)
    with np.errstate(invalid="ignore"):
        means: np.ndarray = np.where(known, scores.values, 0.0).sum(axis=1) / known.sum(axis=1)
    return means


def _estimate(
    values: np.ndarray, replicates: np.ndarray, drawn: np.ndarray, settings: EvaluationSettings
) -> Row:
    """Mean over the patients that have a value, with its interval."""
    known = ~np.isnan(values)
    n = int(known.sum())
    if n < 2:
        return {
            "status": "not_measured",
            "note": f"{n} patients scored in common; at least 2 are needed",
            "n": n,
        }
    weights = np.where(np.isnan(replicates), 0, drawn)
    with np.errstate(invalid="ignore"):
        means = (weights * np.nan_to_num(replicates)).sum(axis=1) / weights.sum(axis=1)
    low, high = np.nanquantile(means, [(1 - settings.confidence) / 2, (1 + settings.confidence) / 2])
    return {
        "status": "ok",
        "value": float(values[known].mean()),
        "n": n,
        "ci_low": float(low),
        "ci_high": float(high),
    }


def _arm_fields(arm: Arm) -> Row:
    return {"arm": arm.name, "generator": arm.generator, "dose": arm.dose}


def _adjust(family: list[Row]) -> None:
    for row, adjusted in zip(family, holm(row["p_value"] for row in family), strict=True):
        row["p_adjusted"] = float(adjusted)
