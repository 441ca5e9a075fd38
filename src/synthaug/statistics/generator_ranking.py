"""The generators of a study side by side: value, interval and rank in each criterion, and how stable the rank is.

There is no overall score. Criteria have no common unit, and weights would decide the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from synthaug.config.arms import SIZE_MATCHED, Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.spreadsheets import table_text
from synthaug.metric_registry import columns_of, largest_difference, limits_of
from synthaug.statistics.estimate_rows import bounded
from synthaug.statistics.ranking import draw_from_intervals, order_stability
from synthaug.statistics.runs_mean import mean_of_runs
from synthaug.statistics.scores import PLACE
from synthaug.tables import VALUED_STATUSES, Row, make_table

#: Real subjects that a distance is measured to, best first: those that no generator has seen.
_REFERENCES = ("real test", "real train")
#: Hash of the weights in the id of an extractor.
_HASH = r"-[0-9a-f]{12}(?=-|$)"
_POOLED = ["subject", "vendor", "role", "diagnosis", "other_generator"]
#: Criteria whose intervals are Wilson's of 95 %, whatever `evaluation.confidence` is.
_WILSON = ("acceptance_rate", "copied_share")
#: Columns that tell criteria of one metric apart.
ABOUT = ("target", "task", "versus", "extractor", "structure", "phase", "dose")
VALUE, DIFFERENCE, RANK, KEPT, FIRST, ORDER = (
    *(
        "generator_criterion",
        "generator_difference",
        "generator_rank",
        "generator_rank_kept",
        "generator_first",
        "generator_order_kept",
    ),
)


@dataclass(frozen=True)
class Criterion:
    """What generators are ranked by.

    Attributes
    ----------
    metric : str
        Metric of the rows, suffixes included; `target` of the ranking's rows.
    wanted : mapping of str to str
        Values of further columns.
    absolute : bool
        Whether the size of the value counts, its sign left out: errors.
    direction : str
        ``"higher"`` or ``"lower"``: which way is better.
    """

    metric: str
    direction: str
    wanted: Mapping[str, Any]
    absolute: bool = False


#: Distances over the real-versus-real floor, what was requested, masks, copies, function, acceptance, cost.
CRITERIA = (
    *(Criterion(f"{name}_ratio", "lower", {}) for name in ("fid", "cmmd", "fvd_t", "fvd_s", "f4d")),
    *(
        Criterion(f"controllability_r_{name}", "higher", {"versus": "segmenter"})
        for name in ("lv_edv_ml", "lv_ef", "myo_mass_g")
    ),
    *(
        Criterion(name, "higher", {})
        for name in (
            "diagnosis_recovery_balanced",
            "diagnosis_recovery_forest_balanced",
            "ef_category_recovery_balanced",
        )
    ),
    *(
        Criterion(metric, "higher", {"structure": structure, "phase": "ED"})
        for metric in ("mask_agreement_dice", "requested_mask_dice")
        for structure in ("LV", "MYO", "RV")
    ),
    Criterion("copied_share", "lower", {}),
    *(
        Criterion(f"function_{name}_difference", "lower", {"versus": "real train"}, absolute=True)
        for name in ("lv_edv_ml", "lv_ef", "myo_mass_g")
    ),
    Criterion("acceptance_rate", "higher", {}),
    Criterion("training_seconds", "lower", {}),
    Criterion("sampling_seconds", "lower", {}),
)


@dataclass(frozen=True)
class _Measured:
    """One generator in one criterion; ends are NaN where unknown, and `value` where nothing was measured."""

    value: float
    low: float = np.nan
    high: float = np.nan
    n: int | None = None
    note: str = ""


def rank_generators(
    rows: pd.DataFrame,
    generators: Sequence[str],
    arms: Sequence[Arm],
    tasks: Mapping[str, str],
    settings: EvaluationSettings,
) -> pd.DataFrame:
    """Value and rank of each generator in each criterion that any of them has a row of.

    Parameters
    ----------
    rows : DataFrame
        Result rows about the generators, and comparisons of the arms.
    generators : sequence of str
        Generators in the order of the study.
    arms : sequence of Arm
        All arms, controls included.
    tasks : mapping of str to str
        Primary metric of each task that is trained on arms of synthetic subjects.
    settings : EvaluationSettings
        Coverage, replicates and seed.

    Returns
    -------
    DataFrame
        `target` names the criterion. ``generator_criterion``: mean over folds and generator seeds with its interval
        (`synthaug.statistics.runs_mean.mean_of_runs`), which ends where the metric does; `n` is the least of the
        trainings. ``generator_rank``: 1 is the best of those measured, its interval and ``generator_rank_kept`` (same rank), ``generator_first`` (first) over replicates
        of all values, drawn from their intervals (`draw_from_intervals`). ``generator_order_kept``, a row a criterion: all
        ranks as measured. A generator without a value has no rank. Fewer than two values, or a value without
        an interval: stability is ``not_measured``. ``generator_difference``: mean over folds and generator seeds of the differences
        by request (`synthaug.measures.request_pairs`), `generator` minus `other_generator`. Of a downstream task: difference of its primary metric against the
        strongest size-matched control, at the largest dose that all generators have in arms that draw real and synthetic cases in the
        same way and corrupt none.
    """
    pooled = rows[rows[_POOLED].isna().all(axis=1)]
    about_generators = pooled[pooled[["arm", "task", "target"]].isna().all(axis=1)]
    found: list[Row] = []
    for criterion in CRITERIA:
        for one, own in _by_place(criterion, about_generators):
            coverage = _coverage(criterion.metric, settings)
            measured = {name: _mean(own[own["generator"] == name], coverage) for name in generators}
            found += _rows(one, str(own["unit"].iloc[0]), measured, settings)
    found += _differences(rows, settings)
    for task, metric in tasks.items():
        found += _effects(pooled[pooled["task"] == task], task, metric, generators, arms, settings)
    return make_table(found)


def _by_place(criterion: Criterion, rows: pd.DataFrame) -> Iterator[tuple[Criterion, pd.DataFrame]]:
    """Rows of a criterion, of each extractor apart; of distances, to the best reference there is."""
    own = rows[rows["metric"] == criterion.metric]
    for column, value in criterion.wanted.items():
        own = own[own[column] == value]
    if own.empty:
        return
    wanted = dict(criterion.wanted)
    if criterion.metric.endswith("_ratio"):
        valued = own[own["status"].isin(VALUED_STATUSES)]
        best = next((name for name in _REFERENCES if (valued["versus"] == name).any()), _REFERENCES[0])
        wanted["versus"], own = best, own[own["versus"] == best]
    if "structure" not in wanted:  # function rows name theirs
        wanted |= {column: _common(own[column]) for column in ("structure", "phase")}
    names = without_weights(own)
    for extractor in list(names.dropna().unique()) or [None]:
        here = own if extractor is None else own[names == extractor]
        yield replace(criterion, wanted={**wanted, "extractor": extractor}), here


def without_weights(rows: pd.DataFrame) -> pd.Series[Any]:
    """Extractor of each row without the hash of its weights.

    One that the study trains has other weights in each fold and is the same extractor all the same. Where two of one kind
    measure in one fold, their full ids are kept.

    Parameters
    ----------
    rows : DataFrame
        Rows of one metric and reference.

    Returns
    -------
    Series of str or None
        In the order of the rows.
    """
    plain = rows["extractor"].astype(object).str.replace(_HASH, "", regex=True)
    run = rows[["generator", "fold", "generator_seed"]].astype(object).fillna("").assign(plain=plain)
    ids = run.assign(own=rows["extractor"]).drop_duplicates()
    # Two of one kind in one fold are told apart by nothing else.
    ambiguous = ids.duplicated(["generator", "fold", "generator_seed", "plain"]).any()
    return rows["extractor"] if ambiguous else plain


def _effects(
    rows: pd.DataFrame,
    task: str,
    metric: str,
    generators: Sequence[str],
    arms: Sequence[Arm],
    settings: EvaluationSettings,
) -> list[Row]:
    """Difference of a task's primary metric, of the arms of one dose against their strongest size-matched control."""
    name = f"{metric}_difference"
    own = _broadest(rows[rows["metric"] == name])
    # Corrupted subjects say nothing of their generator; arms that draw cases differently are not of one kind.
    declared = {
        generator: {
            (arm.dose, arm.real_share or 0.0, arm.pretrain): arm
            for arm in reversed(arms)  # of equal ones the first of the study
            if (arm.generator, arm.control, arm.corruption) == (generator, None, "none") and arm.real == 1
        }
        for generator in generators
    }
    kinds = [set(of_one) for of_one in declared.values() if of_one]
    common = set.intersection(*kinds) if kinds else set()
    if own.empty or not common:
        return []
    dose = max(common)[0]
    kind = min(kind for kind in common if kind[0] == dose)  # cases drawn uniformly before other ways
    direction = str(own["direction"].iloc[0])
    sign = -1.0 if direction == "lower" else 1.0
    measured = {}
    for generator, of_one in declared.items():
        arm = of_one.get(kind)
        if arm is None:
            measured[generator] = _Measured(np.nan, note="no arm trains on its subjects")
            continue
        controls = {
            other.name for other in arms if arm.name in other.control_of and other.control in SIZE_MATCHED
        }
        against = own[(own["arm"] == arm.name) & own["versus"].isin(controls)]
        valued = against[against["status"].isin(VALUED_STATUSES)]
        if valued.empty:
            measured[generator] = _Measured(np.nan, note="no size-matched control was compared")
            continue
        row = valued.iloc[int(np.argmin(sign * valued["value"].to_numpy(float)))]
        measured[generator] = replace(_one(row), note=f"arm {arm.name} minus {row['versus']}")
    criterion = Criterion(name, direction, {"task": task, "dose": dose})
    return _rows(criterion, str(own["unit"].iloc[0]), measured, settings)


def _broadest(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows about all structures, phases and targets; all where there is but one of these, which has no pooled rows."""
    pooled = rows[rows[list(PLACE)].isna().all(axis=1)]
    return rows if pooled.empty else pooled


def _differences(rows: pd.DataFrame, settings: EvaluationSettings) -> Iterator[Row]:
    """Mean over the trainings of the differences of each two generators by request."""
    own = rows[rows["metric"] == DIFFERENCE]
    place = ["target", "versus", "structure", "phase", "generator", "other_generator"]
    for _, here in own.groupby(place, sort=False, dropna=False):
        about = {str(name): value for name, value in here.iloc[0][place].dropna().items()}
        row: Row = {**columns_of(DIFFERENCE), **about, "unit": str(here["unit"].iloc[0])}
        mean = _mean(here, settings.confidence)
        if np.isnan(mean.value):
            yield {**row, "status": "not_measured", "note": mean.note}
            continue
        found = {"value": mean.value, "ci_low": mean.low, "ci_high": mean.high, "n": mean.n}
        widest = largest_difference(about["target"])
        yield bounded({**row, "status": "ok", **found, "note": mean.note}, -widest, widest)


def _coverage(metric: str, settings: EvaluationSettings) -> float:
    """Coverage of the intervals of a criterion."""
    return 0.95 if metric in _WILSON else settings.confidence


def _mean(rows: pd.DataFrame, confidence: float) -> _Measured:
    """Mean over the trainings of one generator."""
    valued = rows[rows["status"].isin(VALUED_STATUSES)]
    if valued.empty:
        notes = [str(note) for note in rows["note"].dropna().unique() if note]
        return _Measured(np.nan, note=notes[0] if notes else "no row of this generator")
    values, lows, highs = (valued[name].to_numpy(float) for name in ("value", "ci_low", "ci_high"))
    value, low, high = mean_of_runs(values, lows, highs, confidence)
    counts = valued["n"].dropna()
    note = f"mean of {len(valued)} trainings" if len(valued) > 1 else ""
    if len(valued) < len(rows):
        note = f"mean of {len(valued)} of {len(rows)} trainings"
    return _Measured(value, low, high, int(counts.min()) if len(counts) else None, note)


def _one(row: pd.Series[Any]) -> _Measured:
    n = None if pd.isna(row["n"]) else int(row["n"])
    return _Measured(float(row["value"]), float(row["ci_low"]), float(row["ci_high"]), n)


def _rows(
    criterion: Criterion, unit: str, measured: Mapping[str, _Measured], settings: EvaluationSettings
) -> list[Row]:
    """All rows of one criterion."""
    about = {"target": criterion.metric, **{key: value for key, value in criterion.wanted.items() if value}}
    rows: list[Row] = []
    for generator, found in measured.items():
        row: Row = {**columns_of(VALUE), **about, "generator": generator, "direction": criterion.direction}
        row |= {"unit": "" if unit == "nan" else unit, "note": found.note}
        if np.isnan(found.value):
            rows.append({**row, "status": "not_measured"})
            continue
        known = _absolute(found) if criterion.absolute else found
        ends = {"value": known.value, "ci_low": known.low, "ci_high": known.high, "n": known.n}
        rows.append(bounded({**row, "status": "ok", **ends}, *limits_of(criterion.metric)))
    ranked = {name: found for name, found in measured.items() if not np.isnan(found.value)}
    return rows + _ranks(criterion, about, ranked, settings)


def _ranks(
    criterion: Criterion, about: Row, ranked: Mapping[str, _Measured], settings: EvaluationSettings
) -> list[Row]:
    order: Row = {**columns_of(ORDER), **about, "n": len(ranked)}
    if len(ranked) < 2:
        why = f"{len(ranked)} of the generators were measured; at least 2 are needed"
        return [{**order, "status": "not_measured", "note": why}]
    values, lows, highs = (
        np.array([getattr(found, end) for found in ranked.values()]) for end in ("value", "low", "high")
    )
    size = np.abs if criterion.absolute else np.asarray
    unknown = [name for name, found in ranked.items() if np.isnan(found.low + found.high)]
    drawn = draw_from_intervals(
        values,
        np.where(np.isnan(lows), values, lows),
        np.where(np.isnan(highs), values, highs),
        _coverage(criterion.metric, settings),
        settings.replicates,
        settings.seed,
    )
    found = order_stability(size(values), size(drawn), criterion.direction, settings.confidence)
    why = f"no interval of {', '.join(unknown)}"
    rows: list[Row] = []
    for number, generator in enumerate(ranked):
        own: Row = {**about, "generator": generator, "n": len(ranked)}
        rank: Row = {**columns_of(RANK), **own, "status": "ok", "value": found.ranks[number]}
        shares = ((KEPT, found.kept), (FIRST, found.first))
        if unknown:
            rows.append({**rank, "note": why})
            rows += [{**columns_of(name), **own, "status": "not_measured", "note": why} for name, _ in shares]
            continue
        rows.append({**rank, "ci_low": found.low[number], "ci_high": found.high[number]})
        rows += [
            {**columns_of(name), **own, "status": "ok", "value": float(share[number])}
            for name, share in shares
        ]
    if unknown:
        return [*rows, {**order, "status": "not_measured", "note": why}]
    return [*rows, {**order, "status": "ok", "value": found.order_kept}]


def _absolute(found: _Measured) -> _Measured:
    """Size of a signed value, and the sizes that its interval has."""
    ends = sorted((abs(found.low), abs(found.high)))
    low = 0.0 if found.low < 0 < found.high else ends[0]
    return replace(
        found, value=abs(found.value), low=low if not np.isnan(found.low) else np.nan, high=ends[1]
    )


def _common(values: pd.Series[Any]) -> Any:
    known = values.dropna().unique()
    return known[0] if len(known) == 1 else None


#: File of the ranking in a version of the tables.
FILE = "generator_ranking.tsv"


def ranking_files(rows: pd.DataFrame) -> dict[str, str]:
    """The ranking as a TSV beside the rows: a line a criterion and generator; nothing where generators were not ranked."""
    own = rows[rows["metric"].isin([VALUE, RANK, KEPT, FIRST, ORDER])]
    if own.empty:
        return {}
    keys = list(ABOUT)
    lines = []
    for key, here in own.groupby(keys, sort=False, dropna=False):
        order = here.loc[here["metric"] == ORDER, "value"]
        for generator, of_one in here[here["metric"] == VALUE].groupby("generator", sort=False):
            value = of_one.iloc[0]
            beside = {
                metric: here[(here["metric"] == metric) & (here["generator"] == generator)]
                for metric in (RANK, KEPT, FIRST)
            }
            rank = beside[RANK].iloc[0] if len(beside[RANK]) else None
            lines.append(
                {
                    "criterion": key[0],
                    **dict(zip(keys[1:], key[1:], strict=True)),
                    "generator": generator,
                    **{
                        column: value[column]
                        for column in ("unit", "direction", "value", "ci_low", "ci_high", "n")
                    },
                    "rank": None if rank is None else rank["value"],
                    "rank_low": None if rank is None else rank["ci_low"],
                    "rank_high": None if rank is None else rank["ci_high"],
                    "rank_kept": _first(beside[KEPT]["value"]),
                    "first": _first(beside[FIRST]["value"]),
                    "order_kept": _first(order),
                    "note": value["note"],
                }
            )
    return {FILE: table_text(pd.DataFrame(lines), "\t")}


def _first(values: pd.Series[Any]) -> Any:
    return values.iloc[0] if len(values) else None
