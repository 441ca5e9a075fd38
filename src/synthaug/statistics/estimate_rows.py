"""Columns that all rows about a contrast of arms share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metrics.percentile_bootstrap import NO_WIDTH, bootstrap_mean_interval
from synthaug.statistics.precision import Precision
from synthaug.statistics.scores import Scores, in_common, patient_means
from synthaug.tables import Row

#: Note of a row outside the declared family that has no other note.
EXPLORATORY = "exploratory"


def estimate(precision: Precision, arms: Sequence[Arm], settings: EvaluationSettings) -> Row:
    """Value, interval and n of a contrast, and a note where it counts patients only."""
    low, high = precision.interval(settings.confidence)
    row = {"status": "ok", "value": precision.value, "n": precision.n, "ci_low": low, "ci_high": high}
    row["generator_trainings"] = precision.generator_trainings
    if not precision.known:
        names = " or ".join(arm.name for arm in arms)
        row["note"] = (
            f"{names}: one independent training per fold, so the variation between trainings is unknown; the interval "
            "counts patients only"
        )
    return row


def bounded(row: Row, low: float, high: float) -> Row:
    """A row whose interval ends at the values that its quantity can have: with few trainings the t interval exceeds them."""
    return row | {"ci_low": max(row["ci_low"], low), "ci_high": min(row["ci_high"], high)}


def bootstrap_mean(values: np.ndarray, settings: EvaluationSettings, note: str = "") -> Row:
    """Mean over patients (n,) with its bootstrap interval; none of a single patient, and a note where it has no width."""
    row: Row = {"status": "ok", "value": float(values.mean()), "n": len(values), "note": note}
    if len(values) < 2:
        return row
    low, high = bootstrap_mean_interval(values, settings.replicates, settings.confidence, settings.seed)
    if low == high:
        row["note"] = "; ".join(filter(None, (note, NO_WIDTH)))
    return {**row, "ci_low": low, "ci_high": high}


def too_few(*arms: Scores) -> Row:
    """Columns of a contrast of arms that have no fold with two patients in common."""
    n = int((~np.isnan(np.stack([patient_means(arm) for arm in in_common(arms)])).any(axis=0)).sum())
    note = f"{n} patients scored by all; at least 2 per fold are needed"
    return {"status": "not_measured", "note": note, "n": n}


def arm_fields(arm: Arm) -> Row:
    """Columns that say which arm a row is about."""
    return {"arm": arm.name, "generator": arm.generator, "dose": arm.dose}
