"""Verdict on each synthetic arm from its paired differences, and the key figures of the study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from synthaug.config.arms import SIZE_MATCHED, VERDICT_CONTROLS, Arm
from synthaug.report import wording
from synthaug.report.arm_panels import forest_panel
from synthaug.report.rows import broadest, pooled, select
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, badge, exploratory, make_table
from synthaug.statistics import verdict
from synthaug.tables import VALUED_STATUSES, Row

_ANSWERS = {
    verdict.HELPS: "It helps.",
    verdict.HURTS: "It hurts.",
    verdict.EQUIVALENT: "Equivalent.",
    verdict.UNDECIDED: "Undecided.",
    verdict.NOT_MEASURED: "Not measured.",
    "mixed": "Mixed: the arms differ.",
}


def verdict_content(data: ReportData) -> dict[str, Any]:
    """The verdict of the study with its figure, the key figures and the warnings about the design."""
    metric = data.settings.primary_metric
    judged = judge(data.rows, data.inputs.arms, metric, data.alpha)
    differences = pooled(select(data.rows, metric=f"{metric}_difference", status=tuple(VALUED_STATUSES)))
    by_name = {arm.name: arm for arm in data.inputs.arms}
    return {
        **judged,
        "answer": _ANSWERS[judged["word"]],
        "forest": forest_panel(differences, None, None, by_name, metric, data.draw, data.alpha),
        "design_warnings": list(data.inputs.design_warnings),
        "key_figures": _key_figures(data.rows),
    }


def judge(rows: list[Row], arms: Sequence[Arm], metric: str, alpha: float) -> dict[str, Any]:
    """Verdict on each synthetic arm, its comparisons, and verdicts by structure, phase and vendor."""
    every = select(rows, metric=f"{metric}_difference", subject=None, role=None, diagnosis=None)
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
        extra_controls = [name for name in controls if name not in matched]
        compared = select(every, arm=arm.name)
        own = select(compared, vendor=None)
        deciding = _deciding_rows(own)
        outcome = verdict.judge_arm(_frame(deciding), matched, alpha, extra_controls)
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
                "sentences": _sentences(deciding, controls, len(trainings), alpha),
                "details": _sentences([row for row in own if row not in deciding], controls, 0, alpha),
                "levels": _levels(arm.name, compared, matched, extra_controls, alpha),
            }
        )
    word = verdict.judge_study([entry["word"] for entry in judged])
    return {
        "word": word,
        "rule": verdict.RULE,
        "metric": wording.metric_name(metric),
        "arms": judged,
        "absent": "" if judged else "the study has no arm that adds synthetic to real training data",
    }


_LEVEL_COLUMNS = {
    "structure and phase": TEXT,
    "vendor": TEXT,
    "n": NUMBER,
    "verdict": TEXT,
    "detectable difference": NUMBER,
}
_COMPARED = (
    *("versus", "status", "note", "ci_low", "ci_high", "direction", "p_value", "p_adjusted", "p_equivalence"),
    *("detectable", "patients_needed", "generator_trainings"),
)


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=_COMPARED)


def _deciding_rows(rows: Sequence[Row]) -> list[Row]:
    """Rows that decide the verdict on an arm: those of the declared family's level, or the broadest."""
    levels = {(row["structure"], row["phase"]) for row in rows if row["p_adjusted"] is not None}
    if levels:
        return [row for row in rows if (row["structure"], row["phase"]) in levels]
    return broadest(rows)


def _levels(
    arm: str, rows: Sequence[Row], matched: Sequence[str], extra_controls: Sequence[str], alpha: float
) -> dict[str, Any] | None:
    """Verdicts on one arm at every level: pooled, each structure and phase, each of these by vendor."""
    levels = dict.fromkeys((row["structure"], row["phase"], row["vendor"]) for row in rows)
    if len(levels) < 2:
        return None
    lines = []
    for structure, phase, vendor in sorted(levels, key=lambda level: level[2] is not None):
        here = select(rows, structure=structure, phase=phase, vendor=vendor)
        outcome = verdict.judge_arm(_frame(here), matched, alpha, extra_controls)
        metric = here[0]["metric"]
        size = wording.number(outcome.detectable, wording.decimals(metric))
        known = outcome.detectable is not None
        lines.append(
            [
                wording.place({"structure": structure, "phase": phase}),
                vendor or "all",
                max((row["n"] for row in here if row["n"] is not None), default=None),
                badge(outcome.word, exploratory(outcome.declared)),
                wording.with_unit(size, wording.metric_unit(metric)) if known else None,
            ]
        )
    label = f"Verdict on {arm} by structure, phase and vendor"
    return make_table(label, _LEVEL_COLUMNS, lines)


def _sentences(
    rows: Iterable[Row], controls: Mapping[str, str], trainings: int, alpha: float
) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    for row in rows:
        is_control = row["versus"] in controls
        if row["status"] in VALUED_STATUSES:
            word = verdict.judge_row(row, alpha)
            text = wording.comparison_sentence(
                row, word, trainings, is_control, controls.get(row["versus"], ""), 1 - alpha
            )
        else:
            word = verdict.NOT_MEASURED
            why = row["note"] or wording.STATUSES.get(row["status"], row["status"])
            text = (
                f"{wording.metric_name(row['metric'])} of {wording.place(row)} against {row['versus']}: {why}"
            )
        said.append({"text": text, "word": word, "counts": is_control})
    return sorted(said, key=lambda sentence: not sentence["counts"])


def _key_figures(rows: list[Row]) -> list[dict[str, Any]]:
    """Key figures under the verdict, each with its n or reference."""
    patients = {row["subject"] for row in rows if row["subject"] and row["metric"] == "dice"}
    seeds = {row["training_seed"] for row in rows if row["training_seed"] is not None}
    figures: list[dict[str, Any]] = [
        {
            "label": "patients tested",
            "value": len(patients) or None,
            "places": 0,
            "detail": wording.counted(len(seeds), "training seed") if seeds else "no seed recorded",
        }
    ]
    accepted = next(iter(select(pooled(rows), metric="acceptance_rate")), None)
    figures.append(
        {
            "label": "samples accepted by quality control",
            "value": accepted["value"] * 100 if accepted and accepted["value"] is not None else None,
            "places": 0,
            "unit": "%",
            "detail": f"n = {accepted['n']} samples of {accepted['generator']}" if accepted else "",
        }
    )
    distance = next(
        (
            row
            for metric in ("fvd_t", "fid", "f4d")
            for row in select(pooled(rows), metric=metric)
            if row["value"] is not None
        ),
        None,
    )
    if distance:
        floor = wording.number(distance["floor"], wording.decimals(distance["metric"]))
        figures.append(
            {
                "label": f"{wording.metric_name(distance['metric'])} of {distance['generator']} to real",
                "value": distance["value"],
                "places": wording.decimals(distance["metric"]),
                "detail": f"real-versus-real {floor}, n = {distance['n']}",
            }
        )
    else:
        figures.append({"label": "distance to real", "value": None, "places": 0, "detail": ""})
    return figures


SECTION = Section(title="Does this synthetic data help?", menu="Verdict", order=0, content=verdict_content)
