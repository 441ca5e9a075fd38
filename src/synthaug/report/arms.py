"""Sections of the report about the arms: the verdict, means, paired differences, doses, patients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from synthaug.config.arms import SIZE_MATCHED, VERDICT_CONTROLS, Arm
from synthaug.report import wording
from synthaug.report.plots import segmentation
from synthaug.report.rows import CLINICAL, OVERLAP, Draw, Row, broadest, estimate, pooled, select
from synthaug.statistics import verdict
from synthaug.tables import VALUED_STATUSES


def tone(arm: Arm | None) -> str:
    """Colour of an arm, the same in every figure."""
    if arm is None or arm.generator is None:
        return "real"
    if arm.control_of:
        return "series-2"
    return "synthetic" if arm.real else "series-3"


def verdict_section(rows: list[Row], arms: Sequence[Arm], metric: str, alpha: float) -> dict[str, Any]:
    """The answer: a word an arm, with the sentences it rests on, and words by structure, phase and vendor."""
    every = select(rows, metric=f"{metric}_difference", subject=None, diagnosis=None)
    judged: list[dict[str, Any]] = []
    for arm in arms:
        if not (arm.real and arm.generator) or arm.control:
            continue
        controls = {
            other.name: wording.CONTROLS[other.control].match
            for other in arms
            if other.control_of == arm.name and other.control in VERDICT_CONTROLS
        }
        kinds = {other.name: other.control for other in arms}
        matched = [name for name in controls if kinds[name] in SIZE_MATCHED]
        hurdles = [name for name in controls if name not in matched]
        compared = select(every, arm=arm.name)
        own = select(compared, vendor=None)
        grounds = _grounds(own)
        outcome = verdict.judge_arm(_frame(grounds), matched, alpha, hurdles)
        trainings = {
            (row["fold"], row["generator_seed"], row["training_seed"])
            for row in select(rows, arm=arm.name, metric=metric)
        }
        judged.append(
            {
                "arm": arm.name,
                "word": outcome.word,
                "reason": outcome.reason,
                "power": wording.power_sentence(metric, outcome),
                "declared": outcome.declared,
                "sentences": _sentences(grounds, controls, len(trainings), alpha),
                "details": _sentences([row for row in own if row not in grounds], controls, 0, alpha),
                "places": _places(compared, matched, hurdles, alpha),
            }
        )
    word = verdict.judge_study([entry["word"] for entry in judged])
    return {
        "word": word,
        "rule": verdict.RULE,
        "metric": wording.metric_name(metric),
        "arms": judged,
        "reason": "" if judged else "the study has no arm that adds synthetic to real training data",
    }


_COMPARED = (
    *("versus", "status", "note", "ci_low", "ci_high", "direction", "p_value", "p_adjusted", "p_equivalence"),
    *("detectable", "patients_needed"),
)


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=_COMPARED)


def _grounds(rows: Sequence[Row]) -> list[Row]:
    """Rows that the word of an arm rests on: those of the declared family's level, or the broadest."""
    levels = {(row["structure"], row["phase"]) for row in rows if row["p_adjusted"] is not None}
    if levels:
        return [row for row in rows if (row["structure"], row["phase"]) in levels]
    return broadest(rows)


def _places(
    rows: Sequence[Row], matched: Sequence[str], hurdles: Sequence[str], alpha: float
) -> list[dict[str, Any]]:
    """Words of one arm at every level: all, each structure and phase, and each of these by vendor."""
    levels = dict.fromkeys((row["structure"], row["phase"], row["vendor"]) for row in rows)
    found = []
    for structure, phase, vendor in levels:
        here = select(rows, structure=structure, phase=phase, vendor=vendor)
        outcome = verdict.judge_arm(_frame(here), matched, alpha, hurdles)
        metric = here[0]["metric"]
        found.append(
            {
                "place": wording.place({"structure": structure, "phase": phase}),
                "vendor": vendor,
                "word": outcome.word,
                "declared": outcome.declared,
                "detectable": wording.with_unit(
                    wording.number(outcome.detectable, wording.decimals(metric)), wording.metric_unit(metric)
                )
                if outcome.detectable is not None
                else "–",
                "patients": max((row["n"] for row in here if row["n"] is not None), default=None),
            }
        )
    return sorted(found, key=lambda level: level["vendor"] is not None)


def _sentences(
    rows: Iterable[Row], controls: Mapping[str, str], trainings: int, alpha: float
) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    for row in rows:
        is_control = row["versus"] in controls
        if row["status"] in VALUED_STATUSES:
            word = verdict.judge_row(row, alpha)
            text = wording.comparison_sentence(
                row, word, trainings, is_control, controls.get(row["versus"], "")
            )
        else:
            word = verdict.NOT_MEASURED
            why = row["note"] or wording.STATUSES.get(row["status"], row["status"])
            text = (
                f"{wording.metric_name(row['metric'])} of {wording.place(row)} against {row['versus']}: {why}"
            )
        said.append({"text": text, "word": word, "counts": is_control})
    return sorted(said, key=lambda sentence: not sentence["counts"])


#: What tells the columns of a table of arms apart; most studies have no means by fold.
_LEVEL = ("structure", "phase", "fold")


def arms_section(
    rows: list[Row], arms: Sequence[Arm], metric: str, draw: Draw, alpha: float
) -> dict[str, Any]:
    """Means of every arm and metric, and the paired differences behind the verdict."""
    by_name = {arm.name: arm for arm in arms}
    tables, mean_panels = [], []
    for name in (*OVERLAP, *CLINICAL):
        means = pooled(select(rows, metric=f"{name}_mean"))
        if not means:
            continue
        levels = list(dict.fromkeys(tuple(row[key] for key in _LEVEL) for row in means))
        body = [
            {
                "label": arm.name,
                "cells": [
                    estimate(
                        next(iter(select(means, arm=arm.name, **dict(zip(_LEVEL, level, strict=True)))), None)
                    )
                    for level in levels
                ],
            }
            for arm in arms
        ]
        columns = [wording.place(dict(zip(_LEVEL, level, strict=True))) for level in levels]
        unit = wording.metric_unit(name)
        tables.append(
            {
                "metric": name,
                "title": wording.metric_name(name),
                "unit": unit,
                "columns": columns,
                "rows": body,
            }
        )
        if name == metric:
            mean_panels = _mean_panels(means, by_name, metric, draw)
    differences = pooled(select(rows, metric=f"{metric}_difference"))
    measured = [row for row in differences if row["status"] in VALUED_STATUSES]
    return {
        "reason": "" if tables else "no mean over patients among the result rows",
        "tables": tables,
        "means": mean_panels,
        "forest": _forest_panels(measured, by_name, metric, draw, alpha),
        "differences": [
            {
                "arm": row["arm"],
                "versus": row["versus"],
                "place": wording.place(row),
                "estimate": estimate(row),
                "word": verdict.judge_row(row, alpha)
                if row["status"] in VALUED_STATUSES
                else verdict.NOT_MEASURED,
                "declared": row["p_adjusted"] is not None,
            }
            for row in differences
        ],
        "ranking": _ranking(rows, arms, metric),
        "mixed": [
            {"arm": row["arm"], "versus": row["versus"], "estimate": estimate(row)}
            for row in select(rows, metric=f"{metric}_mixed")
        ],
    }


def _ranking(rows: list[Row], arms: Sequence[Arm], metric: str) -> dict[str, Any]:
    """How often each arm is the best, its mean rank, and how alike the rankings are."""
    ranks = {row["arm"]: row for row in select(rows, metric=f"{metric}_rank")}
    first = {row["arm"]: row for row in select(rows, metric=f"{metric}_first")}
    tau = next(iter(select(rows, metric=f"{metric}_rank_tau")), None)
    # One pooled ranking, or one a structure and phase: only the single one is a table of arms.
    if len(select(rows, metric=f"{metric}_rank")) != len(ranks):
        return {"rows": [], "tau": None}
    found = [
        {"arm": arm.name, "rank": estimate(ranks[arm.name]), "first": estimate(first.get(arm.name))}
        for arm in arms
        if arm.name in ranks
    ]
    return {
        "rows": sorted(found, key=lambda row: row["rank"]["value"]),
        "tau": None if tau is None else tau["value"],
    }


def _mean_panels(means: list[Row], arms: Mapping[str, Arm], metric: str, draw: Draw) -> list[dict[str, str]]:
    panels = []
    for structure in dict.fromkeys(row["structure"] for row in means):
        shown = [row for row in select(means, structure=structure) if row["status"] in VALUED_STATUSES]
        points = [
            {**row, "label": name, "phase": row["phase"] or "", "tone": tone(arm)}
            for name, arm in arms.items()
            for row in select(shown, arm=name)
        ]
        if points:
            title = wording.STRUCTURES.get(structure, structure or "All structures")
            svg = segmentation.arm_means(points, _axis(metric))
            alt = "; ".join(
                f"{row['arm']} {row['phase'] or ''} {wording.number(row['value'], wording.decimals(metric))}"
                for row in shown
            )
            panels.append(draw(f"means-{metric}-{structure or 'all'}", svg, title, alt))
    return panels


def _forest_panels(
    measured: list[Row], arms: Mapping[str, Arm], metric: str, draw: Draw, alpha: float
) -> list[dict[str, str]]:
    panels = []
    for structure, phase in dict.fromkeys((row["structure"], row["phase"]) for row in measured):
        shown = select(measured, structure=structure, phase=phase)
        lines = [
            {**row, "label": f"{name} − {_short(row, arms)}", "word": verdict.judge_row(row, alpha)}
            for name in arms
            for row in select(shown, arm=name)
        ]
        if not lines:
            continue
        title = wording.place({"structure": structure, "phase": phase})
        svg = segmentation.forest(lines, f"difference in {_axis(metric)}")
        places = wording.decimals(metric)
        alt = "; ".join(
            f"{line['label']}: {wording.number(line['value'], places, sign=True)}" for line in lines
        )
        panels.append(draw(f"forest-{metric}-{structure or 'all'}-{phase or 'all'}", svg, title, alt))
    return panels


def _short(row: Row, arms: Mapping[str, Arm]) -> str:
    """What a row compares with, a control of the same arm by its kind only."""
    versus = arms.get(row["versus"])
    if versus is not None and versus.control and versus.control_of == row["arm"]:
        return versus.control
    return str(row["versus"])


def doses_section(rows: list[Row], arms: Sequence[Arm], metric: str, draw: Draw) -> dict[str, Any]:
    """Mean against dose, a curve a generator, with its controls and the real arm."""
    means = [row for row in pooled(select(rows, metric=f"{metric}_mean")) if row["status"] in VALUED_STATUSES]
    families: dict[str, list[Arm]] = {}
    for arm in arms:
        if arm.real and arm.generator:
            name = (
                f"{wording.CONTROLS[arm.control].curve} ({arm.generator})" if arm.control else arm.generator
            )
            if arm.real < 1:
                name += f", {arm.real:.0%} of the real patients"
            if arm.real_share is not None:
                name += f", {arm.real_share:.0%} real draws"
            name += ", pretrained" if arm.pretrain else ""
            name += f", {arm.corruption} broken" if arm.corruption != "none" else ""
            families.setdefault(name, []).append(arm)
    baselines = [arm.name for arm in arms if arm.real and not arm.generator]
    panels = []
    for structure, phase in dict.fromkeys((row["structure"], row["phase"]) for row in means):
        here = {row["arm"]: row for row in select(means, structure=structure, phase=phase)}
        curves = {}
        for name, members in families.items():
            points = [{**here[arm.name], "dose": arm.dose} for arm in members if arm.name in here]
            if points:
                curve = pd.DataFrame(points)[["dose", "value", "ci_low", "ci_high"]]
                curves[name] = curve.astype(float).sort_values("dose")
        if curves:
            references = {name: ("real", here[name]["value"]) for name in baselines if name in here}
            title = wording.place({"structure": structure, "phase": phase})
            svg = segmentation.dose_curve(curves, references, _axis(metric))
            alt = "; ".join(
                f"{name} at dose {dose:g}: {wording.number(value, wording.decimals(metric))}"
                for name, curve in curves.items()
                for dose, value in zip(curve["dose"], curve["value"], strict=True)
            )
            panels.append(draw(f"dose-{structure or 'all'}-{phase or 'all'}", svg, title, alt))
    doses = {arm.dose for arm in arms if arm.real and arm.generator and not arm.control_of}
    reason = "" if panels else "no mean of an arm with synthetic data among the result rows"
    trends = [
        {
            "generator": f"{row['generator']} up to {row['arm']}",
            "place": wording.place(row),
            "slope": estimate(row),
            "page": estimate(trend),
        }
        for row in pooled(select(rows, metric=f"{metric}_slope"))
        for trend in pooled(
            select(
                rows,
                metric=f"{metric}_trend",
                arm=row["arm"],
                structure=row["structure"],
                phase=row["phase"],
            )
        )
    ]
    return {"reason": reason, "panels": panels, "doses": sorted(doses), "trends": trends}


def patients_section(rows: list[Row], arms: Sequence[Arm], draw: Draw) -> dict[str, Any]:
    """Clinical errors, one dot a patient and training."""
    panels = []
    for metric in CLINICAL:
        own = [row for row in select(rows, metric=metric) if row["subject"] and row["value"] is not None]
        for structure in dict.fromkeys(row["structure"] for row in own):
            here = select(own, structure=structure)
            values = {
                arm.name: (tone(arm), [row["value"] for row in select(here, arm=arm.name)])
                for arm in arms
                if select(here, arm=arm.name)
            }
            title = f"{wording.metric_name(metric)}{f', {structure}' if structure else ''}"
            patients = wording.counted(len({row["subject"] for row in here}), "patient")
            if values:
                svg = segmentation.patient_values(values, _axis(metric), zero=True)
                alt = f"{patients}, one dot a patient and training, in {len(values)} arms"
                panels.append(draw(f"patients-{metric}-{structure or 'all'}", svg, title, alt))
    return {"reason": "" if panels else "no clinical error among the result rows", "panels": panels}


def _axis(metric: str) -> str:
    unit = wording.metric_unit(metric)
    return f"{wording.metric_name(metric)} ({unit})" if unit else wording.metric_name(metric)
