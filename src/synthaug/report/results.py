"""Sections of the report that show result rows: verdict, arms, doses, distances, what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from synthaug import verdict
from synthaug.config.arms import Arm
from synthaug.plots import segmentation, synthesis
from synthaug.report import words
from synthaug.tables import VALUED_STATUSES

Row = dict[str, Any]
#: Writes a figure under a name and returns what the page needs to show it.
Draw = Callable[[str, str, str, str], dict[str, str]]

OVERLAP = ("dice", "hd95", "hd", "assd")
CLINICAL = ("edv_error_ml", "esv_error_ml", "ef_error", "mass_error_g")
DISTANCES = ("fid", "kid", "fvd_t", "fvd_s", "f4d")
#: What tells two rows of one metric apart, in the order in which labels name it.
_RUN = ("versus", "extractor", "fold", "training_seed", "generator_seed")


def records(table: pd.DataFrame) -> list[Row]:
    """Rows as mappings; unknown is None, whatever its type was."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def select(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """Rows whose columns have these values; a tuple allows any of its members."""
    return [
        row
        for row in rows
        if all(
            row[column] in value if isinstance(value, tuple) else row[column] == value
            for column, value in wanted.items()
        )
    ]


def pooled(rows: Iterable[Row]) -> list[Row]:
    """Rows about all patients, vendors and diagnoses together."""
    return select(rows, subject=None, vendor=None, diagnosis=None)


def broadest(rows: Sequence[Row]) -> list[Row]:
    """Of rows at several levels, those about all structures and phases, or the next finer level."""
    for level in ({"structure": None, "phase": None}, {"phase": None}):
        found = select(rows, **level)
        if found:
            return found
    return list(rows)


def tone(arm: Arm | None) -> str:
    """Colour of an arm, the same in every figure."""
    if arm is None or arm.generator is None:
        return "real"
    if arm.control_of:
        return "series-2"
    return "synthetic" if arm.real else "series-3"


def estimate(row: Row | None) -> dict[str, Any]:
    """A value as a cell shows it: with its interval and n, or with the reason why there is none."""
    if row is None:
        return {"status": "not_measured", "value": None, "text": "not measured"}
    keys = ("value", "status", "note", "n", "ci_low", "ci_high", "floor", "floor_sd", "p_value", "p_adjusted")
    return {
        **{key: row[key] for key in keys},
        "places": words.decimals(row["metric"]),
        "text": words.STATUSES.get(row["status"], ""),
    }


def verdict_section(rows: list[Row], arms: Sequence[Arm], metric: str) -> dict[str, Any]:
    """The answer: a word an arm, with the sentences it rests on."""
    differences = pooled(select(rows, metric=f"{metric}_difference"))
    judged = []
    for arm in arms:
        if not (arm.real and arm.generator) or arm.control_of:
            continue
        controls = [other.name for other in arms if other.control_of == arm.name]
        own = select(differences, arm=arm.name)
        outcome = verdict.judge_arm(pd.DataFrame(broadest(own), columns=_COMPARED), controls)
        seeds = {row["training_seed"] for row in select(rows, arm=arm.name, metric=metric)} - {None}
        judged.append(
            {
                "arm": arm.name,
                "word": outcome.word,
                "reason": outcome.reason,
                "sentences": _sentences(broadest(own), controls, len(seeds)),
                "details": _sentences([row for row in own if row not in broadest(own)], controls, len(seeds)),
            }
        )
    word = verdict.judge_study([entry["word"] for entry in judged])
    return {
        "word": word,
        "rule": verdict.RULE,
        "metric": words.metric_name(metric),
        "arms": judged,
        "reason": "" if judged else "the study has no arm that adds synthetic to real training data",
    }


_COMPARED = ("versus", "status", "note", "ci_low", "ci_high", "direction")


def _sentences(rows: Iterable[Row], controls: Sequence[str], seeds: int) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    for row in rows:
        is_control = row["versus"] in controls
        if row["status"] in VALUED_STATUSES:
            word = word_of(row)
            text = words.comparison_sentence(row, word, seeds, is_control)
        else:
            word = verdict.NOT_MEASURED
            why = row["note"] or words.STATUSES.get(row["status"], row["status"])
            text = f"{words.metric_name(row['metric'])} of {words.place(row)} against {row['versus']}: {why}"
        said.append({"text": text, "word": word, "counts": is_control})
    return sorted(said, key=lambda sentence: not sentence["counts"])


def word_of(row: Row) -> str:
    """Word for the interval of one measured difference row."""
    low, high = (float("nan") if row[end] is None else row[end] for end in ("ci_low", "ci_high"))
    return verdict.judge_interval(low, high, row["direction"] or "none")


def arms_section(rows: list[Row], arms: Sequence[Arm], metric: str, draw: Draw) -> dict[str, Any]:
    """Means of every arm and metric, and the paired differences behind the verdict."""
    by_name = {arm.name: arm for arm in arms}
    tables, mean_panels = [], []
    for name in (*OVERLAP, *CLINICAL):
        means = pooled(select(rows, metric=f"{name}_mean"))
        if not means:
            continue
        places = list(dict.fromkeys((row["structure"], row["phase"]) for row in means))
        body = [
            {
                "label": arm.name,
                "cells": [
                    estimate(next(iter(select(means, arm=arm.name, structure=s, phase=p)), None))
                    for s, p in places
                ],
            }
            for arm in arms
        ]
        columns = [words.place({"structure": s, "phase": p}) for s, p in places]
        unit = words.metric_unit(name)
        tables.append(
            {"metric": name, "title": words.metric_name(name), "unit": unit, "columns": columns, "rows": body}
        )
        if name == metric:
            mean_panels = _mean_panels(means, by_name, metric, draw)
    differences = pooled(select(rows, metric=f"{metric}_difference"))
    measured = [row for row in differences if row["status"] in VALUED_STATUSES]
    return {
        "reason": "" if tables else "no mean over patients among the result rows",
        "tables": tables,
        "means": mean_panels,
        "forest": _forest_panels(measured, by_name, metric, draw),
        "differences": [
            {
                "arm": row["arm"],
                "versus": row["versus"],
                "place": words.place(row),
                "estimate": estimate(row),
                "word": word_of(row) if row["status"] in VALUED_STATUSES else verdict.NOT_MEASURED,
            }
            for row in differences
        ],
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
            title = words.STRUCTURES.get(structure, structure or "All structures")
            svg = segmentation.arm_means(points, _axis(metric))
            alt = "; ".join(
                f"{row['arm']} {row['phase'] or ''} {words.number(row['value'], words.decimals(metric))}"
                for row in shown
            )
            panels.append(draw(f"means-{metric}-{structure or 'all'}", svg, title, alt))
    return panels


def _forest_panels(
    measured: list[Row], arms: Mapping[str, Arm], metric: str, draw: Draw
) -> list[dict[str, str]]:
    panels = []
    for structure, phase in dict.fromkeys((row["structure"], row["phase"]) for row in measured):
        shown = select(measured, structure=structure, phase=phase)
        lines = [
            {**row, "label": f"{name} − {_short(row, arms)}", "word": word_of(row)}
            for name in arms
            for row in select(shown, arm=name)
        ]
        if not lines:
            continue
        title = words.place({"structure": structure, "phase": phase})
        svg = segmentation.forest(lines, f"difference in {_axis(metric)}")
        places = words.decimals(metric)
        alt = "; ".join(
            f"{line['label']}: {words.number(line['value'], places, sign=True)}" for line in lines
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
            name = f"real repeated ({arm.generator})" if arm.control == "repeated" else arm.generator
            name = f"classical ({arm.generator})" if arm.control == "classical" else name
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
            title = words.place({"structure": structure, "phase": phase})
            svg = segmentation.dose_curve(curves, references, _axis(metric))
            alt = "; ".join(
                f"{name} at dose {dose:g}: {words.number(value, words.decimals(metric))}"
                for name, curve in curves.items()
                for dose, value in zip(curve["dose"], curve["value"], strict=True)
            )
            panels.append(draw(f"dose-{structure or 'all'}-{phase or 'all'}", svg, title, alt))
    doses = {arm.dose for arm in arms if arm.real and arm.generator and not arm.control_of}
    reason = "" if panels else "no mean of an arm with synthetic data among the result rows"
    return {"reason": reason, "panels": panels, "doses": sorted(doses)}


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
            title = f"{words.metric_name(metric)}{f', {structure}' if structure else ''}"
            patients = words.counted(len({row["subject"] for row in here}), "patient")
            if values:
                svg = segmentation.patient_values(values, _axis(metric), zero=True)
                alt = f"{patients}, one dot a patient and training, in {len(values)} arms"
                panels.append(draw(f"patients-{metric}-{structure or 'all'}", svg, title, alt))
    return {"reason": "" if panels else "no clinical error among the result rows", "panels": panels}


def distances_section(rows: list[Row], draw: Draw) -> dict[str, Any]:
    """Distances between synthetic and real cohorts, each beside its floor."""
    found = pooled(select(rows, metric=DISTANCES))
    ratios = pooled(select(rows, metric=tuple(f"{name}_ratio" for name in DISTANCES)))
    varying = [
        column
        for column in ("extractor", *_RUN[2:])
        if len({row[column] for row in found if row[column]}) > 1
    ]
    table, panels = [], []
    for row in sorted(found, key=lambda row: DISTANCES.index(row["metric"])):
        about = {column: row[column] for column in ("generator", *_RUN)}
        ratio = next(iter(select(ratios, metric=f"{row['metric']}_ratio", **about)), None)
        table.append(
            {
                "metric": words.metric_name(row["metric"]),
                "generator": row["generator"] or "",
                "versus": (row["versus"] or "").replace("_", " "),
                "run": ", ".join(f"{c.replace('_', ' ')} {row[c]}" for c in varying if row[c] is not None),
                "estimate": estimate(row),
                "ratio": estimate(ratio) if ratio else None,
                "extractor": row["extractor"] or "",
            }
        )
    for metric in DISTANCES:
        shown = [row for row in select(found, metric=metric) if row["status"] in VALUED_STATUSES]
        lines = []
        for row in shown:
            run = "".join(f", {c.replace('_', ' ')} {row[c]}" for c in varying if row[c] is not None)
            versus = (row["versus"] or "real").replace("_", " ")
            lines.append({**row, "label": f"{row['generator']} against {versus}{run}"})
        if lines:
            svg = synthesis.distances(lines, words.metric_name(metric))
            places = words.decimals(metric)
            alt = "; ".join(
                f"{line['label']}: {words.number(line['value'], places)}, "
                f"floor {words.number(line['floor'], places)}"
                for line in lines
            )
            panels.append(draw(f"distance-{metric}", svg, words.metric_name(metric), alt))
    return {
        "reason": "" if found else "no distance among the result rows",
        "table": table,
        "panels": panels,
    }


def other_section(rows: list[Row]) -> list[dict[str, Any]]:
    """Aggregate rows that no other section shows, so that none disappears."""
    per_patient = (*OVERLAP, *CLINICAL)
    shown = {
        *(f"{name}_mean" for name in per_patient),
        *(f"{name}_difference" for name in per_patient),
        *DISTANCES,
        *(f"{name}_ratio" for name in DISTANCES),
        "acceptance_rate",
    }
    return [
        {
            "metric": row["metric"],
            "about": ", ".join(
                f"{column.replace('_', ' ')} {row[column]}"
                for column in ("arm", "generator", *_RUN, "structure", "phase", "vendor", "diagnosis")
                if row[column] is not None
            ),
            "estimate": estimate(row),
            "unit": row["unit"] if row["unit"] not in (None, "1") else "",
        }
        for row in rows
        if row["subject"] is None
        and (row["metric"] not in shown or row["vendor"] or row["diagnosis"])
        and not row["metric"].startswith(("rejected_", "controllability"))
    ]


def failures_section(rows: list[Row]) -> dict[str, Any]:
    """How many rows have which status, and why those without a plain value have none."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row["status"] != "ok":
            key = (row["metric"], row["status"], row["arm"] or row["generator"] or "", row["note"] or "")
            groups.setdefault(key, []).append(row)
    return {
        "counts": [
            {"text": words.STATUSES.get(status, "with a plain value"), "count": count}
            for status, count in Counter(row["status"] for row in rows).most_common()
        ],
        "groups": [
            {
                "metric": metric,
                "status": words.STATUSES.get(status, status),
                "about": about,
                "note": note,
                "count": len(members),
                "scored": status in VALUED_STATUSES,
                "subjects": sorted({row["subject"] for row in members if row["subject"]}),
            }
            for (metric, status, about, note), members in groups.items()
        ],
    }


def _axis(metric: str) -> str:
    unit = words.metric_unit(metric)
    return f"{words.metric_name(metric)} ({unit})" if unit else words.metric_name(metric)
