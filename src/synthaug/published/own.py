"""A study's own values for a published table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from synthaug.config.arms import reference_of
from synthaug.config.study import StudySettings
from synthaug.metric_registry import find_metric, limits_of
from synthaug.metrics.percentile_bootstrap import NO_WIDTH
from synthaug.published.base import EACH_CONTRAST, SECONDS, Column, Part
from synthaug.report.arm_panels import is_of_a_generator, way_of_training
from synthaug.runs import arms_of_task
from synthaug.statistics.estimate_rows import bounded
from synthaug.statistics.generator_ranking import without_weights
from synthaug.statistics.runs_mean import mean_of_runs
from synthaug.tables import VALUED_STATUSES, Row

#: Columns of `own_values`.
COLUMNS = ("method", "series", "dose", "column", "unit", "value", "ci_low", "ci_high", "floor", "n", "note")
_POOLED = ("subject", "vendor", "role", "diagnosis", "other_generator")
#: Real subjects that a distance is measured to, best first: those that no generator has seen.
_REFERENCES = ("real test", "real train")


def own_values(
    part: Part, rows: pd.DataFrame, study: StudySettings, seconds: Mapping[str, float]
) -> pd.DataFrame:
    """What the study measured in the columns of a part, one line a method and column.

    Parameters
    ----------
    part : Part
        Columns, and which generators or arms are lines.
    rows : DataFrame
        All result rows of the study.
    study : StudySettings
        Its generators, tasks and arms.
    seconds : mapping of str to float
        Seconds a sample by generator, of those whose synthesis was timed.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. `series` names what the doses of a curve have in common: task, generator where there are several that do not share it, kind of
        control, and way of training. `value` is empty where nothing was measured, and `note` says why. Several trainings of a
        generator are averaged, with the interval of `synthaug.statistics.runs_mean.mean_of_runs`, which ends where the
        metric does; `n` is then the least of theirs.
    """
    confidence = study.evaluation.confidence
    pooled = rows[rows[[*_POOLED]].isna().all(axis=1)]
    if part.lines == "generators":
        found = _generators(part, pooled, study, seconds, confidence)
    elif part.lines == "segmentations":
        found = _segmentations(part, pooled, study, confidence)
    else:
        found = _tasks(part, pooled, study, confidence)
    return pd.DataFrame(list(found), columns=list(COLUMNS))


def _generators(
    part: Part, rows: pd.DataFrame, study: StudySettings, seconds: Mapping[str, float], confidence: float
) -> Iterator[Row]:
    columns = [each for column in part.columns for each in _of_contrasts(column, study)]
    for generator in study.generators:
        own = rows[(rows["generator"] == generator) & rows["arm"].isna()]
        for column in columns:
            if column.metric == SECONDS:
                value = seconds.get(generator)
                note = "job start-up and quality control included" if value is not None else "not measured"
                yield {**_about(generator, column), "value": value, "note": note}
                continue
            of_metric = _of_column(own, column)
            reference = None
            if column.versus is not None:
                of_metric = of_metric[of_metric["versus"] == column.versus]
            else:
                reference = best_reference(of_metric)
            for extractor, found in by_extractor(of_metric, reference, confidence):
                method = generator if extractor is None else f"{generator} ({extractor})"
                yield {**_about(method, column), **found}


def by_extractor(
    rows: pd.DataFrame, reference: str | None, confidence: float
) -> Iterator[tuple[str | None, Row]]:
    """Values of a metric to one set of real subjects, each with its extractor's name; None where there is only one."""
    if reference is not None:
        rows = rows[rows["versus"] == reference]
    names = without_weights(rows)
    extractors = list(names.dropna().unique())
    for extractor in extractors or [None]:
        found = mean_of_trainings(rows if extractor is None else rows[names == extractor], confidence)
        if reference is not None:
            found["note"] = "; ".join(filter(None, (f"to {reference}", found.get("note"))))
        yield extractor if len(extractors) > 1 else None, found


def best_reference(rows: pd.DataFrame) -> str | None:
    """Real subjects that distances are shown to, test patients before others; None where rows compare with nobody."""
    # Few test patients have rows without a value: these must not hide what was measured to others.
    valued = rows[rows["status"].isin(VALUED_STATUSES)]
    there = rows if valued.empty else valued
    return next((name for name in _REFERENCES if (there["versus"] == name).any()), None)


def _of_contrasts(column: Column, study: StudySettings) -> list[Column]:
    """The column, or one for each contrast of the study."""
    if column.target != EACH_CONTRAST:
        return [column]
    contrasts = study.evaluation.contrasts
    return [
        replace(column, label=column.label.format(value), target=value)
        for value in (contrasts.values if contrasts else ())
    ]


def _tasks(part: Part, rows: pd.DataFrame, study: StudySettings, confidence: float) -> Iterator[Row]:
    for name, task in study.tasks.items():
        if not _belongs(part, task):
            continue
        several = sum(_belongs(part, other) for other in study.tasks.values()) > 1
        generators = {arm.generator for arm in study.arms.values() if arm.generator}
        arms = arms_of_task(study, name).values()
        for arm in sorted(arms, key=lambda arm: (arm.control or "", arm.dose)):
            own = rows[(rows["task"] == name) & (rows["arm"] == arm.name) & rows["versus"].isna()]
            for column in part.columns:
                here = _of_column(own, column)
                star = "*" if getattr(task, "synthetic", None) == "labelled" else ""
                method = f"{name}{star}: {arm.name}" if several else f"{arm.name}{star}"
                named = len(generators) > 1 and is_of_a_generator(arm, arms)
                drawn_from = f", {arm.generator}" if named else ""
                control = f", {arm.control}" if arm.control else ""
                series = f"{name}{star}{drawn_from}{control}{way_of_training(arm)}"
                yield {
                    **_about(method, column),
                    "series": series,
                    "dose": arm.dose,
                    **mean_of_trainings(here, confidence),
                }


def _segmentations(part: Part, rows: pd.DataFrame, study: StudySettings, confidence: float) -> Iterator[Row]:
    """Arms against the arm of the same real patients alone."""
    names = [name for name, task in study.tasks.items() if task.kind == "segmentation"]
    for name in names:
        arms = arms_of_task(study, name).values()
        for arm in sorted(arms, key=lambda arm: (arm.control or "", arm.dose)):
            alone = reference_of(arm, arms)
            if alone is None:
                continue
            own = rows[(rows["task"] == name) & (rows["arm"] == arm.name) & (rows["versus"] == alone.name)]
            if own.empty:
                continue
            for column in part.columns:
                method = f"{name}: {arm.name}" if len(names) > 1 else arm.name
                yield {**_about(method, column), **mean_of_trainings(_of_column(own, column), confidence)}


def _of_column(rows: pd.DataFrame, column: Column) -> pd.DataFrame:
    """Rows of a column's metric, target, structure and phase."""
    found = rows[rows["metric"] == column.metric]
    for name in ("target", "structure", "phase"):
        wanted = getattr(column, name)
        found = found[found[name].isna() if wanted is None else found[name] == wanted]
    return found


def _belongs(part: Part, task: Any) -> bool:
    if task.kind == "classification":
        lines = "two-class tasks" if len(task.classes) == 2 else "multi-class tasks"
        return part.lines == lines
    return bool(task.kind == "regression" and part.lines == "regressions")


def _about(method: str, column: Column) -> Row:
    metric = find_metric(column.metric)
    unit = column.unit or (metric.shown_unit if metric else "")
    return {"method": method, "column": column.label, "unit": unit}


def mean_of_trainings(rows: pd.DataFrame, confidence: float) -> Row:
    """Value of one row; of several trainings their mean, with an interval over them and over patients."""
    measured = rows[rows["status"].isin(VALUED_STATUSES)]
    if measured.empty:
        notes: Sequence[str] = [str(note) for note in rows["note"].dropna().unique()]
        return {"note": f"not measured{f': {notes[0]}' if notes else ''}"}
    if len(measured) == 1:
        row = measured.iloc[0]
        interval = "" if pd.notna(row["ci_low"]) else "one training, without an interval"
        if pd.notna(row["ci_low"]) and row["ci_low"] == row["ci_high"]:
            interval = NO_WIDTH
        return {**{key: row[key] for key in ("value", "ci_low", "ci_high", "floor", "n")}, "note": interval}
    values, lows, highs = (measured[name].to_numpy(float) for name in ("value", "ci_low", "ci_high"))
    value, low, high = mean_of_runs(values, lows, highs, confidence)
    over = "trainings and patients" if measured["ci_low"].notna().any() else "trainings only"
    mean = {
        "value": value,
        "ci_low": low,
        "ci_high": high,
        "floor": measured["floor"].mean(),
        "n": measured["n"].min(),
        "note": f"mean of {len(measured)} trainings, interval over {over}",
    }
    return bounded(mean, *limits_of(str(measured["metric"].iloc[0])))
