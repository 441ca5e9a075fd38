"""Controllability: requested against measured values of synthetic hearts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from synthaug.config.conditions import MEASURED, SWEPT, Condition
from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.phenotype_conditions import condition_of
from synthaug.measures.measurement import Measurement
from synthaug.metrics.agreement import bland_altman, pearson_correlation
from synthaug.metrics.percentile_bootstrap import percentile_interval
from synthaug.metrics.volumes import ejection_fraction
from synthaug.phenotypes.identities import determined_by
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.tables import Row, make_table

MEASURES = ("r", "bias", "loa_low", "loa_high")
#: Column `versus`: what measured, and which hearts.
SEGMENTER, OWN_MASKS = "segmenter", "generator's masks"
ON_GRID, BEYOND = "segmenter, grid", "segmenter, grid beyond training range"
# Requested values are rounded; what is nearer than this (mL, %, g) to the end of the range is not beyond it.
_ROUNDING = 0.05


def with_requested_ef(requested: pd.DataFrame) -> pd.DataFrame:
    """The same table with ``requested_lv_ef`` in percent: as requested or, where it is open, of both LV volumes."""
    if not {"requested_lv_edv_ml", "requested_lv_esv_ml"} <= set(requested.columns):
        return requested
    volumes = zip(requested["requested_lv_edv_ml"], requested["requested_lv_esv_ml"], strict=True)
    derived = np.array([ejection_fraction(edv_ml, esv_ml) for edv_ml, esv_ml in volumes], np.float64)
    if "requested_lv_ef" in requested:
        own = pd.to_numeric(requested["requested_lv_ef"]).to_numpy(np.float64)
        derived = np.where(np.isnan(own), derived, own)
    return requested.assign(requested_lv_ef=derived)


#: What a condition that is no number says of the heart: a sentence its numbers, masks whatever masks measure.
_IMPLIED = {
    "sentence": {"lv_edv_ml", "lv_esv_ml", "rv_edv_ml", "myo_mass_g"},
    "labels": {*MEASURED, *PHENOTYPES},
}


def controllable(conditions: Collection[str] | None) -> set[str]:
    """Columns of `MEASURED`, and phenotypes, that a generator is conditioned on.

    Parameters
    ----------
    conditions : collection of str or None
        Conditions of the generator's models; None where they were not recorded, which counts as all.

    Returns
    -------
    set of str
        Conditions determine what follows from them: of the LV's EDV, ESV and EF, two the third. A sentence tells
        volumes and mass, masks everything that is measured on masks.
    """
    if conditions is None:
        return {*MEASURED, *PHENOTYPES}
    implied = set[str]().union(*(_IMPLIED.get(name, ()) for name in conditions))
    return determined_by({*conditions, *implied}) & {*MEASURED, *PHENOTYPES}


def measure_controllability(
    requested: pd.DataFrame,
    measured: pd.DataFrame,
    versus: str,
    conditions: Collection[str] | None,
    measurement: Measurement,
) -> pd.DataFrame:
    """Pearson correlation, bias and limits of agreement of requested and measured values.

    Parameters
    ----------
    requested : DataFrame
        One row a synthetic subject: `subject` and any of `MEASURED` and of the registry of phenotypes with
        ``requested_`` in front: volumes in mL, mass in g. The ejection fraction follows from the volumes.
    measured : DataFrame
        One row a subject: `subject` and the columns without ``requested_``: of an independent segmenter
        (`synthaug.measures.scoring.predicted_volumes`, `synthaug.measures.predicted_phenotypes`), or of the masks the
        generator made.
    versus : str
        What measured, and which hearts: `SEGMENTER`, `OWN_MASKS`, `ON_GRID`, `BEYOND`.
    conditions : collection of str or None
        Conditions of the generator's models; see `controllable`.
    measurement : Measurement
        Generator, fold and seeds; replicates of the bootstrap over subjects, coverage, seed.

    Returns
    -------
    DataFrame
        Rows ``controllability_<r|bias|loa_low|loa_high>_<column>`` for each requested column; differences are
        measured minus requested. What the generator is not conditioned on (no row of a segment of the wall), fewer than three complete pairs,
        or for the correlation a side that does not vary, has the status ``not_measured``.
    """
    pairs = (
        with_requested_ef(requested)
        .reset_index(drop=True)
        .merge(measured.reset_index(drop=True), on="subject", suffixes=("", "_measured"))
    )
    rows: list[Row] = []
    for column, quantity in _compared():
        found = f"{column}_measured" if f"{column}_measured" in pairs else column
        if f"requested_{column}" not in pairs or column not in measured:
            continue
        told = column in controllable(conditions)
        if not told and column in PHENOTYPES and PHENOTYPES[column].group == "wall by AHA segment":
            continue  # requested for the sake of sentences: two lines a segment that say nothing
        complete = pairs[[f"requested_{column}", found]].dropna().to_numpy(np.float64)
        note = ""
        if not told:
            note = f"the generator is not conditioned on {quantity.title}"
        elif len(complete) < 3:
            note = "fewer than three pairs"
        intervals = {} if note else _bootstrap(complete, measurement.settings)
        place = {
            "structure": quantity.structure,
            "phase": quantity.phase,
            "versus": versus,
            "n": len(complete),
        }
        for measure in MEASURES:
            metric, suffix = f"controllability_{measure}", f"_{column}"
            low, value, high = intervals.get(measure, (np.nan,) * 3)
            if np.isnan(value):
                why = note or "requested or measured values do not vary"
                rows.append(measurement.not_measured(metric, suffix, note=why, **place))
            else:
                estimate = {"value": value, "ci_low": low, "ci_high": high}
                rows.append(measurement.row(metric, suffix, status="ok", **place, **estimate))
    return make_table(rows)


def _compared() -> list[tuple[str, Condition]]:
    """What may be requested and measured: volumes and mass first, then the other phenotypes of the registry."""
    others = {name: condition_of(name) for name in PHENOTYPES if name not in MEASURED}
    return list((MEASURED | others).items())


def beyond_training(
    requested: pd.DataFrame, ranges: Mapping[str, Sequence[float]], conditions: Collection[str] | None
) -> pd.Series[bool]:
    """Which requested hearts lie outside the range of the training patients.

    Parameters
    ----------
    requested : DataFrame
        As `measure_controllability` takes it.
    ranges : mapping of str to (float, float)
        From `synthaug.synthesis.plan_condition_sweep.training_ranges`.
    conditions : collection of str or None
        Conditions of the generator's models; other quantities do not count.

    Returns
    -------
    Series of bool
        True where EDV, EF or mass lies outside the range.
    """
    table = with_requested_ef(requested)
    outside = pd.Series(False, index=table.index)
    for column in set(SWEPT) & set(ranges) & controllable(conditions):
        (low, high), values = ranges[column], table[f"requested_{column}"]
        outside |= (values < low - _ROUNDING) | (values > high + _ROUNDING)
    return outside


def leave_masks_out(measured: pd.DataFrame, note: str) -> pd.DataFrame:
    """The rows that a generator's own masks would give, without values.

    Parameters
    ----------
    measured : DataFrame
        Rows of the independent segmenter.
    note : str
        Why the masks say nothing about the generator.
    """
    empty = {"value": np.nan, "ci_low": np.nan, "ci_high": np.nan}
    return measured.assign(versus=OWN_MASKS, status="not_measured", note=note, **empty)


def _bootstrap(pairs: np.ndarray, settings: EvaluationSettings) -> dict[str, tuple[float, float, float]]:
    """Lower end, value and upper end of each measure of pairs (n, 2) of requested and measured values."""
    rng = np.random.default_rng(settings.seed)
    value = _measures(pairs)
    draws = (rng.integers(len(pairs), size=len(pairs)) for _ in range(settings.replicates))
    drawn = np.array([_measures(pairs[draw]) for draw in draws])
    found = {}
    for i, name in enumerate(MEASURES):
        # A draw of one subject only has no correlation: such replicates say nothing and are left out.
        known = drawn[~np.isnan(drawn[:, i]), i]
        low, high = percentile_interval(known, settings.confidence) if len(known) else (np.nan, np.nan)
        found[name] = (low, float(value[i]), high)
    return found


def _measures(pairs: np.ndarray) -> np.ndarray:
    requested, measured = pairs.T
    return np.array([pearson_correlation(measured, requested), *bland_altman(measured, requested)])
