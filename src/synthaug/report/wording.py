"""Text of the report: numbers, metrics, comparisons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from synthaug.config.phenotype_conditions import condition_of
from synthaug.metric_registry import AGGREGATES, find_metric, largest_difference, split_name
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


#: A value over all structures, phases and targets.
ALL_PLACES = "all"


def place(row: Mapping[str, Any]) -> str:
    """Structure and phase, or target, of a row; also the fold if it is of one fold only."""
    where = " ".join(row[key] for key in ("structure", "phase", "target") if row.get(key)) or ALL_PLACES
    return where if row.get("fold") is None else f"{where}, fold {row['fold']}"


def with_unit(text: str, unit: str) -> str:
    """A number and its unit, kept on one line."""
    return f"{text} {unit}" if unit else text


def condition_label(name: str) -> str:
    """Title of a condition or phenotype, with its unit in brackets."""
    condition = condition_of(name)
    return f"{condition.title} ({condition.unit})" if condition.unit else condition.title


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


def detectable_size(size: float, metric: str) -> str:
    """A detectable difference in words; also where it exceeds every difference that the metric can have."""
    if size >= largest_difference(metric):
        return "above the largest possible"
    return with_unit(number(size, decimals(metric)), metric_unit(metric))


def power_sentence(metric: str, outcome: Verdict) -> str:
    """Detectable difference of the study, and the number of patients that detects the margin."""
    if outcome.detectable is None:
        return ""
    size = detectable_size(outcome.detectable, metric)
    against = f", against {outcome.least_precise}" if outcome.least_precise else ""
    text = f"Detectable difference at the declared power: {size}{against}."
    if outcome.word != UNDECIDED:
        return text
    if outcome.patients_needed is None:
        return f"{text} More patients alone do not detect a difference as small as the margin: use more trainings."
    needed = counted(outcome.patients_needed, "patient")
    return f"{text} A difference as small as the margin needs {needed} at the same number of trainings."
