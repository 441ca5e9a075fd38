"""Comparison of arms: means over patients, paired differences, intervals, tests, power and ranking."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from synthaug.config.arms import Arm, comparisons_of
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import METRICS, OF_TARGET, columns_of, in_group, largest_difference, split_name
from synthaug.metrics.percentile_bootstrap import percentile_interval
from synthaug.statistics.bootstrap import Bootstrap
from synthaug.statistics.contrast import contrast_precision
from synthaug.statistics.estimate_rows import EXPLORATORY, arm_fields, bounded, estimate, too_few
from synthaug.statistics.family import Member, adjust, plan_size
from synthaug.statistics.gap import gap_rows
from synthaug.statistics.mixed import mixed_difference
from synthaug.statistics.paired_tests import sign_flip_p, wilcoxon_p
from synthaug.statistics.pooled_trainings import PooledTrainings, pool_trainings
from synthaug.statistics.precision import Precision
from synthaug.statistics.ranking import rank_stability
from synthaug.statistics.scores import (
    PLACE,
    Level,
    Scores,
    average_visits,
    in_common,
    levels_of,
    of_headline,
    patient_means,
    tested_in,
)
from synthaug.statistics.trend import dose_series, page_trend_p, slope_weights
from synthaug.tables import Row, make_table


def compare_arms(
    scores: pd.DataFrame,
    arms: Sequence[Arm],
    settings: EvaluationSettings,
    family: Collection[str] = ("dice",),
) -> pd.DataFrame:
    """Mean of every arm of one task, and paired differences from its controls and from real data only.

    Parameters
    ----------
    scores : DataFrame
        Result rows per patient (`synthaug.tasks.base.Task.score`) of all arms, folds and seeds of a task.
    arms : sequence of Arm
        All arms, controls included.
    settings : EvaluationSettings
        Confidence level, power, margins, number of replicates and random seed.
    family : collection of str
        Metrics in the declared family.

    Returns
    -------
    DataFrame
        Rows of `measure_arms`, with `p_adjusted` by Holm over the family.
    """
    rows, members = measure_arms(scores, arms, settings, family)
    adjust(members, settings)
    return make_table(rows)


def measure_arms(
    scores: pd.DataFrame,
    arms: Sequence[Arm],
    settings: EvaluationSettings,
    family: Collection[str],
    task: str | None = None,
) -> tuple[list[Row], list[Member]]:
    """Rows of `compare_arms` before the correction over the family, and the members of the family among them.

    Parameters
    ----------
    scores, arms, settings, family
        As for `compare_arms`.
    task : str, optional
        Name of the task, as the rows say it.

    Returns
    -------
    rows : list of Row
        Rows ``<metric>_mean`` for each arm, and ``<metric>_difference`` (arm minus `versus`, same
        patients). Each arm is compared with real data only; each arm with synthetic data also with its
        controls. Levels: each structure, phase and target; all of them pooled, for endpoints; each of these by vendor.
        Where patients of foreign vendors and internal test patients (role ``test_within``) are tested, the rows without
        role and vendor are about the former only, those of role ``test_within`` about the latter, and ``<metric>_gap``
        and ``<metric>_gap_difference`` (`gap_rows`) about both. `ci_low`, `ci_high`, `p_value`, `p_equivalence` and
        `detectable` count the variation of patients and of trainings (`contrast_precision`). `p_wilcoxon` and
        `p_permutation` count patients only. `boot_low`, `boot_high`: hierarchical bootstrap. The broadest level also has
        ``<metric>_slope`` and ``<metric>_trend`` over doses, ``<metric>_rank``, ``<metric>_first`` and
        ``<metric>_rank_tau`` of the ranking, and ``<metric>_mixed`` of a mixed model.
    members : list of Member
        Comparisons with controls of the verdict, in the metrics of `family`.
    """
    compared = set(METRICS) - set(
        in_group("predicted cardiac function") + in_group("predictions of subjects")
    )
    measured = average_visits(scores[scores["value"].notna() & scores["metric"].isin(compared)])
    pairs = comparisons_of(arms)
    placed = set(measured.loc[measured[list(PLACE)].notna().any(axis=1), "metric"])
    rows: list[Row] = []
    members: list[Member] = []
    for level in levels_of(measured, arms):
        place = {
            "task": task,
            "structure": level.structure,
            "phase": level.phase,
            "target": level.target,
            "vendor": level.vendor,
            "role": level.role,
        }
        replicates = _Replicates(level.scores, settings)
        pooled = pool_trainings(level.scores)
        rows += [_mean(level, place, arm, replicates, settings) for arm in arms]
        for arm, other, counts in pairs:
            row, precision = _difference(level, place, arm, other, replicates, pooled, settings)
            rows.append(row)
            if precision is not None and counts and _in_family(level, family, placed, settings):
                members.append(Member(task, row, precision))
        if level.within is not None:
            rows += gap_rows(level, place, arms, settings)
        if level.broadest and level.headline and METRICS[level.metric].direction != "none":
            rows += _trends(level, place, arms, settings)
            rows += _ranks(level, place, arms, replicates, settings)
    rows += [{"task": task, **row} for row in _mixed(measured, pairs, family, settings)]
    _say_units(rows, scores)
    return rows, members


def _say_units(rows: Sequence[Row], scores: pd.DataFrame) -> None:
    """The unit of rows about a phenotype: that of the scores that they summarise."""
    own = scores.drop_duplicates(["metric", "target"])
    units = {(row["metric"], row["target"]): row["unit"] for row in own.to_dict("records")}
    for row in rows:
        if row["unit"] == OF_TARGET:
            row["unit"] = units.get((split_name(row["metric"])[0], row["target"]), "")


class _Replicates:
    """Bootstrap means of the arms of one level, computed on first use and kept."""

    def __init__(self, scores: Mapping[str, Scores], settings: EvaluationSettings) -> None:
        self._scores, self._settings = scores, settings
        self._streams = {name: number for number, name in enumerate(scores)}
        self._bootstraps: dict[tuple[bytes, bytes], Bootstrap] = {}
        self._means: dict[tuple[str, bytes, bytes], np.ndarray] = {}

    def of(self, *names: str) -> list[np.ndarray]:
        """Replicates of these arms over the patients that all of them scored (at least two)."""
        return [
            self._mean(name, own)
            for name, own in zip(names, in_common([self._scores[name] for name in names]), strict=True)
        ]

    def _mean(self, name: str, own: Scores) -> np.ndarray:
        folds = np.unique(own.folds)
        tested = tested_in(own, folds)
        kept, used = tested.any(axis=1), tested.any(axis=0)
        own = own._replace(values=own.values[kept])
        folds, tested = folds[used], tested[kept][:, used]
        key = (name, folds.tobytes(), kept.tobytes() + tested.tobytes())
        if key not in self._means:
            resampled = (folds.tobytes(), tested.tobytes())
            if resampled not in self._bootstraps:
                self._bootstraps[resampled] = Bootstrap(
                    folds, tested, self._settings.replicates, self._settings.seed
                )
            self._means[key] = self._bootstraps[resampled].means(own, self._streams[name])
        return self._means[key]


def _mean(level: Level, place: Row, arm: Arm, replicates: _Replicates, settings: EvaluationSettings) -> Row:
    about = {**columns_of(level.metric, "_mean"), **place, **arm_fields(arm)}
    precision = contrast_precision([level.scores[arm.name]], [1.0])
    if precision is None:
        return {**about, **too_few(level.scores[arm.name])}
    bounds = _bounds(replicates.of(arm.name)[0], settings)
    row = {**about, **estimate(precision, (arm,), settings), **bounds}
    return bounded(row, *(METRICS[level.metric].range or (-np.inf, np.inf)))


def _difference(
    level: Level,
    place: Row,
    arm: Arm,
    other: Arm,
    replicates: _Replicates,
    pooled: Mapping[int, PooledTrainings],
    settings: EvaluationSettings,
) -> tuple[Row, Precision | None]:
    about = {**columns_of(level.metric, "_difference"), **place, **arm_fields(arm), "versus": other.name}
    pair = [level.scores[arm.name], level.scores[other.name]]
    draws = {len(np.unique(scores.generator_seeds)) for scores in pair}
    shared = pooled.get(draws.pop()) if len(draws) == 1 else None
    precision = contrast_precision(pair, [1.0, -1.0], pooled=shared)
    if precision is None:
        return {**about, **too_few(*pair)}, None
    ours, theirs = replicates.of(arm.name, other.name)
    widest = largest_difference(level.metric)
    row = {**about, **estimate(precision, (arm, other), settings), **_bounds(ours - theirs, settings)}
    row = bounded(row, -widest, widest)
    differences = np.round(precision.differences, 12)
    row["p_wilcoxon"] = wilcoxon_p(differences)
    row["p_permutation"] = sign_flip_p(differences, settings.permutations, settings.seed)
    deviation = differences.std(ddof=1)
    if deviation > 0:
        row["effect_size"] = float(differences.mean() / deviation)
    if precision.known:
        row["p_value"] = precision.p_value()
        margin = settings.equivalence_margin.get(level.metric)
        if margin is not None:
            row["p_equivalence"] = precision.p_equivalence(margin)
        plan_size(row, precision, settings.alpha, settings.power, settings)
    return row, precision


def _bounds(replicates: np.ndarray, settings: EvaluationSettings) -> Row:
    interval = percentile_interval(replicates, settings.confidence)
    return {"boot_low": interval.low, "boot_high": interval.high}


def _in_family(
    level: Level, family: Collection[str], placed: Collection[str], settings: EvaluationSettings
) -> bool:
    """Whether the comparisons of a level are in the family; `placed` are the metrics of structures, phases or targets."""
    if level.metric not in family or not level.headline:
        return False
    if settings.family_level == "pooled" or level.metric not in placed:
        return level.broadest
    return any(part is not None for part in (level.structure, level.phase, level.target))


def _trends(level: Level, place: Row, arms: Sequence[Arm], settings: EvaluationSettings) -> list[Row]:
    rows = []
    for members in dose_series(arms):
        series = [level.scores[arm.name] for arm in members]
        precision = contrast_precision(series, list(slope_weights([arm.dose for arm in members])))
        # The series is named after its largest dose: a generator may have several series.
        shared = {**place, "arm": members[-1].name, "generator": members[-1].generator}
        slope = {**columns_of(level.metric, "_slope"), **shared}
        trend = {**columns_of(level.metric, "_trend"), **shared, "direction": "none"}
        page = page_trend_p(series)
        if precision is None or page is None:
            rows += [{**slope, **too_few(*series)}, {**trend, **too_few(*series)}]
            continue
        slope |= estimate(precision, members, settings)
        if precision.known:
            slope["p_value"] = precision.p_value()
        # The value is the sign of the slope; the p-value is that of the ranks.
        value = float(np.sign(np.round(precision.value, 12)))
        trend |= {"status": "ok", "value": value, "p_value": page, "n": precision.n}
        rows += [{**row, "note": row.get("note") or EXPLORATORY} for row in (slope, trend)]
    return rows


def _ranks(
    level: Level, place: Row, arms: Sequence[Arm], replicates: _Replicates, settings: EvaluationSettings
) -> list[Row]:
    scored = [arm for arm in arms if (~np.isnan(level.scores[arm.name].values)).any()]
    if len(scored) < 2:
        return []
    names = [arm.name for arm in scored]
    means = np.stack([patient_means(own) for own in in_common([level.scores[name] for name in names])])
    kept = ~np.isnan(means).any(axis=0)
    n = int(kept.sum())
    if n < 2:
        return []
    values = means[:, kept].mean(axis=1)
    direction = METRICS[level.metric].direction
    found = rank_stability(values, np.stack(replicates.of(*names), axis=1), direction)
    shared = {"status": "ok", "n": n, "note": EXPLORATORY, **place}
    rows: list[Row] = []
    for number, arm in enumerate(scored):
        drawn = found.ranks[:, number]
        low, high = percentile_interval(drawn, settings.confidence)
        rank = {"value": float(drawn.mean()), "ci_low": low, "ci_high": high}
        first = {"value": float(found.first[number]), "direction": "higher"}
        about = {**shared, **arm_fields(arm)}
        rows.append({**columns_of(level.metric, "_rank"), **about, **rank, "direction": "lower"})
        rows.append({**columns_of(level.metric, "_first"), **about, **first})
    if not np.isnan(found.tau):
        tau = {"value": found.tau, "direction": "higher"}
        rows.append({**columns_of(level.metric, "_rank_tau"), **shared, **tau})
    return rows


def _mixed(
    measured: pd.DataFrame,
    pairs: Sequence[tuple[Arm, Arm, bool]],
    family: Collection[str],
    settings: EvaluationSettings,
) -> list[Row]:
    if not settings.mixed_model:
        return []
    rows = []
    for metric in family:
        own = of_headline(measured[measured["metric"] == metric])
        for arm, other, counts in pairs:
            if counts:
                row = mixed_difference(own, arm.name, other.name, settings.confidence)
                about = {**columns_of(metric, "_mixed"), **arm_fields(arm), "versus": other.name}
                rows.append({**about, "note": EXPLORATORY, **row})
    return rows
