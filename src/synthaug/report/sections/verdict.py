"""Verdict on each synthetic arm from its paired differences, what was tested, and the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from synthaug.config.arms import SIZE_MATCHED, VERDICT_CONTROLS, Arm
from synthaug.report import wording
from synthaug.report.arm_panels import axis_label, forest_panel
from synthaug.report.baseline import ABSOLUTE, Baseline
from synthaug.report.controls import favourable, strongest_control
from synthaug.report.rows import broadest, estimate, pooled, select
from synthaug.report.section import ReportData, Section
from synthaug.report.table import (
    NUMBER,
    TEXT,
    Cell,
    badge,
    exploratory,
    make_table,
    p_value,
    signed,
    with_aside,
)
from synthaug.report.tested import what_was_tested
from synthaug.statistics import verdict
from synthaug.statistics.scores import PLACE
from synthaug.tables import VALUED_STATUSES, Row

_ANSWERS = {
    verdict.HELPS: "It helps.",
    verdict.HURTS: "It hurts.",
    verdict.EQUIVALENT: "Equivalent.",
    verdict.UNDECIDED: "Undecided.",
    verdict.NOT_MEASURED: "Not measured.",
    verdict.WITHHELD: "Withheld: the study is not complete.",
    "mixed": "Mixed: the arms differ.",
}

#: Figures of the baseline on the first screen.
_BASELINE = {
    "dice": "Dice",
    "hd95": "HD95",
    "ef_error": "LV EF bias, percentage points",
    ABSOLUTE: "LV EF mean absolute error, percentage points",
}

#: The same of tasks that are no segmentation.
_OF_KIND: dict[str, dict[str, str | None]] = {
    "classification": {
        "accuracy_mean": "accuracy",
        "balanced_accuracy": "balanced accuracy",
        "auc": "AUC, mean over classes",
    },
    "regression": {
        "r2": "R², mean over phenotypes",
        "absolute_error_sd_mean": "absolute error (SD of training patients)",
    },
}


#: Places of a task's primary metric by kind: what the pooled level is over, and what verdicts are broken down by.
_PLACES = {
    "segmentation": ("all structures", "structure, phase and vendor"),
    "regression": ("all phenotypes", "phenotype and vendor"),
}


def verdict_content(data: ReportData) -> dict[str, Any]:
    """The verdict of the study in a sentence, what was tested, the baseline, and every comparison with a control."""
    metric = data.primary_metric
    judged = judge(data.rows, data.arms, metric, data.alpha)
    differences = pooled(select(data.rows, metric=f"{metric}_difference", status=tuple(VALUED_STATUSES)))
    by_name = {arm.name: arm for arm in data.arms}
    over, by = _PLACES.get(str(data.task_settings.get("kind", "segmentation")), ("", "vendor"))
    return {
        **judged,
        "broken_down_by": by,
        "forest_title": f"Paired difference, {over}" if over else "Paired difference",
        "answer": _answer(judged),
        "why": _why(judged),
        "sentence": effect_sentence(judged["arms"], metric, data.margin, 1 - data.alpha),
        "tested": what_was_tested(data),
        "baseline": _baseline(data.baseline) if data.segments else _of_task(data),
        "forest": forest_panel(differences, dict.fromkeys(PLACE), by_name, metric, data.draw, data.alpha),
        "design_warnings": list(data.inputs.design_warnings),
    }


def _answer(judged: Mapping[str, Any]) -> str:
    """The word of the study, with the trainings of the generator that it holds for where these are few."""
    answer = _ANSWERS[judged["word"]]
    scopes = list(dict.fromkeys(arm["scope"] for arm in judged["arms"] if arm["scope"]))
    if judged["word"] in (verdict.HELPS, verdict.HURTS) and not all(
        arm["declared"] for arm in judged["arms"]
    ):
        scopes = [*scopes[:1], "exploratory: no family of tests was declared"]
    return f"{answer.rstrip('.')}, {'; '.join(scopes[:2])}." if scopes else answer


def _why(judged: Mapping[str, Any]) -> str:
    """Why the study is undecided, in a sentence; empty where it is not, or where arms have other reasons each."""
    reasons = {arm["reason"] for arm in judged["arms"] if arm["word"] == verdict.UNDECIDED}
    if judged["word"] != verdict.UNDECIDED or len(reasons) != 1:
        return ""
    (reason,) = reasons
    return f"{reason[0].upper()}{reason[1:]}."


def effect_sentence(
    arms: Sequence[Mapping[str, Any]], metric: str, margin: float | None, confidence: float
) -> str:
    """The effect of the synthetic data in one sentence: difference, interval, margin, detectable difference.

    Parameters
    ----------
    arms : sequence of mappings
        Arms as `judge` gives them. Each counts with its strongest size-matched control: the one with the least
        favourable difference. Of several arms the least and the most favourable are named.
    metric : str
        Metric of the verdict.
    margin : float or None
        Equivalence margin.
    confidence : float
        Confidence level of the intervals.

    Returns
    -------
    str
        Empty if no comparison was measured.
    """
    least = [(arm, arm["strongest"]) for arm in arms if arm["strongest"]]
    if not least:
        return ""
    ordered = sorted(least, key=lambda pair: favourable(pair[1]))
    shown = ordered[:1] if len(ordered) == 1 else [ordered[0], ordered[-1]]
    name, unit, places = wording.metric_name(metric), wording.metric_unit(metric), wording.decimals(metric)
    effects = " to ".join(_effect(row, unit, confidence, len(shown) > 1) for _, row in shown)
    controls = (
        f"the strongest control, {shown[0][1]['versus']}"
        if len(shown) == 1
        else "the strongest control of each training set"
    )
    facts = []
    if margin is not None:
        facts.append(f"equivalence margin ±{wording.with_unit(wording.number(margin, places), unit)}")
    # Of the comparisons that the sentence names; the arm's own is that of its least precise one.
    detectable = [row["detectable"] for _, row in shown if row["detectable"] is not None]
    if detectable:
        facts.append(f"detectable difference {wording.detectable_size(max(detectable), metric)}")
    added = "".join(f"; {fact}" for fact in facts)
    return f"Adding synthetic patients changes {name} by {effects} against {controls}{added}."


def _effect(row: Row, unit: str, confidence: float, with_arm: bool) -> str:
    places = wording.decimals(row["metric"])
    place = wording.place(row)
    facts = [] if place == wording.ALL_PLACES else [place]
    if row["ci_low"] is not None and row["ci_high"] is not None:
        ends = f"{wording.number(row['ci_low'], places)} to {wording.number(row['ci_high'], places)}"
        facts.append(f"{100 * confidence:g} % CI {ends}")
    if row["n"] is not None:
        facts.append(f"n = {wording.counted(int(row['n']), 'patient')}")
    if with_arm:
        facts.append(str(row["arm"]))
    inside = f" ({', '.join(facts)})" if facts else ""
    return wording.with_unit(wording.number(row["value"], places, sign=True), unit) + inside


def _of_task(data: ReportData) -> dict[str, Any] | None:
    """Figures of the real arm of a task that is no segmentation, each with its n."""
    arm = data.real_arm
    if arm is None:
        return None
    labels = _OF_KIND.get(str(data.task_settings.get("kind")), {f"{data.primary_metric}_mean": None})
    figures = []
    for metric, label in labels.items():
        rows = broadest(pooled(select(data.rows, metric=metric, arm=arm.name, versus=None)))
        row = next((row for row in rows if row["status"] in VALUED_STATUSES), None)
        detail = "not measured"
        if row is not None:
            detail = "" if row["n"] is None else f"n = {wording.counted(int(row['n']), 'patient')}"
        text = wording.number(None if row is None else row["value"], wording.decimals(metric))
        name, unit = label or wording.metric_name(metric), "" if row is None else wording.metric_unit(metric)
        figures.append({"label": name, "text": text, "unit": unit, "detail": detail})
    return {"arm": arm.name, "figures": figures}


def _baseline(baseline: Baseline | None) -> dict[str, Any] | None:
    """Dice, HD95, EF bias and absolute error of the real arm, each with its n."""
    if baseline is None:
        return None
    figures = []
    for metric, label in _BASELINE.items():
        found = baseline.mean(metric)
        places = wording.decimals(metric.replace(ABSOLUTE, "ef_error"))
        unit = "mm" if metric == "hd95" else ""
        detail = "not measured"
        if found is not None:
            detail = f"n = {wording.counted(found.n, 'patient')}"
        ceiling = baseline.mean("dice_ceiling") if metric == "dice" else None
        if ceiling is not None:
            detail += f"; at most {wording.number(ceiling.value, places)} on this grid"
        text = wording.number(found.value if found else None, places, sign=metric == "ef_error")
        figures.append({"label": label, "text": text, "unit": unit if found else "", "detail": detail})
    return {"arm": baseline.arm, "figures": figures}


def judge(rows: list[Row], arms: Sequence[Arm], metric: str, alpha: float) -> dict[str, Any]:
    """Verdict on each synthetic arm, its comparisons, and verdicts by structure, phase and vendor."""
    every = select(rows, metric=f"{metric}_difference", subject=None, role=None, diagnosis=None)
    judged: list[dict[str, Any]] = []
    lines: list[list[Cell]] = []
    for arm in arms:
        if not (arm.real and arm.generator) or arm.control:
            continue
        controls = {
            other.name: wording.CONTROLS[other.control].match
            for other in arms
            if arm.name in other.control_of and other.control in VERDICT_CONTROLS
        }
        kinds = {other.name: other.control for other in arms}
        matched = [name for name in controls if kinds[name] in SIZE_MATCHED]
        extra_controls = [name for name in controls if name not in matched]
        compared = select(every, arm=arm.name)
        own = select(compared, vendor=None)
        deciding = _deciding_rows(own)
        outcome = verdict.judge_arm(_frame(deciding), matched, alpha, extra_controls)
        lines += [
            _control_line(row, kinds[row["versus"]], alpha)
            for row in select(deciding, versus=tuple(controls))
        ]
        judged.append(
            {
                "arm": arm.name,
                "word": outcome.word,
                "reason": outcome.reason,
                "scope": outcome.scope,
                "power": wording.power_sentence(metric, outcome),
                "detectable": outcome.detectable,
                "declared": outcome.declared,
                "strongest": strongest_control(deciding, matched),
                "levels": _levels(arm.name, compared, matched, extra_controls, alpha),
            }
        )
    word = verdict.judge_study([entry["word"] for entry in judged])
    return {
        "word": word,
        "rule": verdict.RULE,
        "metric": wording.metric_name(metric),
        "arms": judged,
        "controls": make_table("Comparison with every control", _control_columns(metric), lines)
        if lines
        else None,
        "absent": "" if judged else "the study has no arm that adds synthetic to real training data",
    }


_COMPARED = (
    *("versus", "status", "note", "ci_low", "ci_high", "direction", "p_value", "p_adjusted", "p_equivalence"),
    *("detectable", "patients_needed", "generator_trainings"),
)


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=_COMPARED)


def _deciding_rows(rows: Sequence[Row]) -> list[Row]:
    """Rows that decide the verdict on an arm: those of the declared family's level, or the broadest; and failed ones."""
    failed = [row for row in rows if row["status"] == "failed"]  # of no level: nothing was measured
    rows = [row for row in rows if row["status"] != "failed"]

    def level(row: Row) -> tuple[Any, ...]:
        return tuple(row[key] for key in PLACE)

    levels = {level(row) for row in rows if row["p_adjusted"] is not None}
    if levels:
        return failed + [row for row in rows if level(row) in levels]
    return failed + broadest(rows)


def _levels(
    arm: str, rows: Sequence[Row], matched: Sequence[str], extra_controls: Sequence[str], alpha: float
) -> dict[str, Any] | None:
    """Verdicts on one arm at every level: pooled, each structure, phase and target, each of these by vendor."""
    levels = dict.fromkeys(tuple(row[key] for key in (*PLACE, "vendor")) for row in rows)
    if len(levels) < 2:
        return None
    lines = []
    metric = str(rows[0]["metric"]).removesuffix("_difference")
    for *level, vendor in sorted(levels, key=lambda level: level[-1] is not None):
        place = dict(zip(PLACE, level, strict=True))
        here = select(rows, **place, vendor=vendor)
        outcome = verdict.judge_arm(_frame(here), matched, alpha, extra_controls)
        strongest = strongest_control(here, matched)
        size = None if strongest is None else strongest["detectable"]
        lines.append(
            [
                wording.place(place),
                vendor or "all",
                max((row["n"] for row in here if row["n"] is not None), default=None),
                signed(estimate(strongest)) if strongest else None,
                badge(outcome.word, exploratory(outcome.declared)),
                None if size is None else wording.detectable_size(size, metric),
            ]
        )
    label = f"Verdict on {arm} by structure, phase and vendor; differences from its strongest size-matched control"
    return make_table(label, _level_columns(metric), lines)


def _level_columns(metric: str) -> dict[str, str]:
    return {
        "structure and phase": TEXT,
        "vendor": TEXT,
        "n": NUMBER,
        f"difference in {axis_label(metric)} (CI)": TEXT,
        "verdict": TEXT,
        "detectable difference": NUMBER,
    }


def _control_columns(metric: str) -> dict[str, str]:
    return {
        "training set": TEXT,
        "minus control": TEXT,
        f"difference in {axis_label(metric)} (CI)": TEXT,
        "n": NUMBER,
        "p, Holm-adjusted": NUMBER,
        "verdict": TEXT,
    }


def _control_line(row: Row, kind: str | None, alpha: float) -> list[Cell]:
    """One comparison with a control; only p-values of the declared family are for inference."""
    valued = row["status"] in VALUED_STATUSES
    word = verdict.judge_row(row, alpha) if valued else verdict.NOT_MEASURED
    place = wording.place(row)
    control = with_aside(kind or str(row["versus"]), "" if place == wording.ALL_PLACES else place)
    adjusted = row["p_adjusted"]
    return [
        row["arm"],
        control,
        signed(estimate(row)),
        row["n"],
        None if adjusted is None else p_value(adjusted),
        badge(word, exploratory(adjusted is not None)),
    ]


SECTION = Section(title="Does this synthetic data help?", menu="Verdict", order=0, content=verdict_content)
