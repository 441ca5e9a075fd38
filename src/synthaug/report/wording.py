"""Text of the report: numbers, metrics, comparisons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from synthaug.metric_registry import AGGREGATES, find_metric, split_name
from synthaug.statistics.verdict import UNDECIDED, Verdict

STRUCTURES = {"LV": "LV cavity", "MYO": "myocardium", "RV": "RV cavity"}
STATUSES = {
    "empty_both": "structure in neither mask",
    "missing_prediction": "structure missed by the prediction",
    "missing_reference": "structure absent from the reference",
    "extractor_absent": "feature extractor absent",
    "not_measured": "not measured",
    "failed": "failed",
}


def base_metric(metric: str) -> str:
    """Name of the metric that an aggregate (mean, difference, ratio) is of."""
    return split_name(metric)[0]


def base_name(metric: str) -> str:
    """Title of the metric that an aggregate is of; an undeclared one keeps its own name."""
    base = base_metric(metric)
    found = find_metric(base)
    return found.title if found else base.replace("_", " ")


def metric_name(metric: str) -> str:
    """Name of a metric for headings and labels, which say themselves whether it is a mean or a trend."""
    base, suffix = split_name(metric)
    if suffix and suffix not in AGGREGATES:
        return metric.replace("_", " ")
    found = find_metric(metric)
    return found.title if found else base.replace("_", " ")


def row_name(metric: str) -> str:
    """Name of a row on its own: the metric and what the row is of it (mean, difference, ratio)."""
    suffix = split_name(metric)[1]
    if suffix in AGGREGATES:
        return f"{base_name(metric)}, {AGGREGATES[suffix].title}"
    return metric_name(metric)


def metric_unit(metric: str) -> str:
    """Unit of a metric, empty where it has none or is undeclared."""
    found = find_metric(metric)
    return found.shown_unit if found else ""


def decimals(metric: str) -> int | None:
    """Decimals of a metric; None for three significant digits."""
    found = find_metric(metric)
    return found.decimals if found else None


def number(value: float | None, places: int | None = None, sign: bool = False) -> str:
    """A number with a minus sign; a dash if unknown.

    Parameters
    ----------
    value : float or None
        None and NaN are unknown.
    places : int or None
        Decimals; None for three significant digits.
    sign : bool
        Whether a positive number carries its sign.
    """
    if value is None or not math.isfinite(value):
        return "–"
    if places is None:
        size = math.floor(math.log10(abs(value))) if value else 0
        places = max(0, 2 - size)
        if size < -4:
            return f"{value:.2e}".replace("-", "−")
    text = f"{value:{'+' if sign else ''},.{places}f}"
    if not text.strip("+-0.,"):  # rounded to zero: no sign
        text = text.lstrip("+-")
    return text.replace("-", "−").replace(",", " ")


def p_value(value: float | None) -> str:
    """A p-value with three decimals, never as zero."""
    if value is None or not math.isfinite(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def p_text(value: float) -> str:
    """A p-value in a sentence: ``p = 0.048`` or ``p < 0.001``."""
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def place(row: Mapping[str, Any]) -> str:
    """Structure and phase of a row; also the fold if it is of one fold only."""
    where = " ".join(row[key] for key in ("structure", "phase") if row.get(key)) or "all structures"
    return where if row.get("fold") is None else f"{where}, fold {row['fold']}"


def with_unit(text: str, unit: str) -> str:
    """A number and its unit, kept on one line."""
    return f"{text} {unit}" if unit else text


def counted(count: int, noun: str) -> str:
    """A count with its noun, plural unless the count is one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class ControlWords(NamedTuple):
    """Texts of a kind of control: what it matches, name of its curve, explanation."""

    match: str
    curve: str
    explanation: str


CONTROLS: dict[str, ControlWords] = {
    "repeated": ControlWords("size-matched", "real repeated", "its real cases, repeated to the same number"),
    "classical": ControlWords(
        "size-matched", "classical", "its real cases, with classically augmented copies to the same number"
    ),
    "exposure": ControlWords(
        "exposure-matched",
        "real, equal exposure",
        "its real cases only, for as many iterations as the arm spends on them",
    ),
    "mislabelled": ControlWords(
        "negative", "mislabelled", "each synthetic case with the mask of another one; expected to hurt"
    ),
    "extra-real": ControlWords(
        "extra-real", "further real", "further real patients instead of the synthetic ones; an upper bound"
    ),
}


def power_sentence(metric: str, outcome: Verdict) -> str:
    """Detectable difference of the study, and the number of patients that detects the margin."""
    if outcome.detectable is None:
        return ""
    size = with_unit(number(outcome.detectable, decimals(metric)), metric_unit(metric))
    text = f"Detectable difference at the declared power: {size}."
    if outcome.word != UNDECIDED:
        return text
    if outcome.patients_needed is None:
        return f"{text} More patients alone do not detect a difference as small as the margin: use more trainings."
    needed = counted(outcome.patients_needed, "patient")
    return f"{text} A difference as small as the margin needs {needed} at the same number of trainings."


def comparison_sentence(
    row: Mapping[str, Any], word: str, trainings: int, is_control: bool, match: str, confidence: float
) -> str:
    """Sentence on one comparison: value, interval, n, number of trainings, verdict.

    Parameters
    ----------
    row : mapping
        A measured difference row.
    word : str
        Its verdict (`synthaug.statistics.verdict.judge_row`).
    trainings : int
        Number of trainings of the arm over folds and seeds; 0 if unknown.
    is_control : bool
        Whether `versus` is a control of the verdict.
    match : str
        What the control matches: ``"size-matched"``, ``"exposure-matched"``.
    confidence : float
        Confidence level of the interval.
    """
    metric = row["metric"]
    places, unit = decimals(metric), metric_unit(metric)
    value = with_unit(number(row["value"], places, sign=True), unit)
    facts = []
    if row.get("ci_low") is not None and row.get("ci_high") is not None:
        ends = f"{number(row['ci_low'], places)} to {number(row['ci_high'], places)}"
        facts.append(f"{100 * confidence:g} % CI {ends}")
    if row.get("n") is not None:
        facts.append(f"n = {counted(int(row['n']), 'patient')}")
    if trainings:
        facts.append(counted(trainings, "training"))
    if row.get("p_adjusted") is not None:
        facts.append(f"Holm-adjusted {p_text(row['p_adjusted'])}")
    elif row.get("p_value") is not None:
        facts.append(f"{p_text(row['p_value'])}, exploratory")
    if row.get("effect_size") is not None:
        facts.append(f"effect size {number(row['effect_size'], 2, sign=True)}")
    against = f"the {match} control {row['versus']}" if is_control else f"{row['versus']}"
    name = base_name(metric)
    detail = f" ({', '.join(facts)})" if facts else ""
    return f"{name} of {place(row)}: {value}{detail} against {against}: {word}"
