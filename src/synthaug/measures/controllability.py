"""How well a generator obeys: hearts that were asked for against hearts that were measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthaug.config.conditions import MEASURED, SWEPT
from synthaug.metric_registry import columns_of
from synthaug.metrics.agreement import bland_altman, pearson_correlation
from synthaug.metrics.percentile_bootstrap import percentile_interval
from synthaug.metrics.volumes import ejection_fraction
from synthaug.tables import Row, make_table

#: Conditions that may be requested and that masks measure.
ASKED = MEASURED
MEASURES = ("r", "bias", "loa_low", "loa_high")
#: What measured, and on which hearts, as rows say it.
SEGMENTER, OWN_MASKS = "segmenter", "generator's masks"
ON_GRID, BEYOND = "segmenter, grid", "segmenter, grid beyond training range"
#: Axes of the grid: what makes a heart one that the training patients do not have.
AXES = SWEPT
# Asked values are rounded; what is nearer than this (mL, %, g) to the end of the range is not beyond it.
_ROUNDING = 0.05


def with_requested_ef(asked: pd.DataFrame) -> pd.DataFrame:
    """The same table with ``requested_lv_ef`` in percent, where both LV volumes are asked."""
    if not {"requested_lv_edv_ml", "requested_lv_esv_ml"} <= set(asked.columns):
        return asked
    volumes = zip(asked["requested_lv_edv_ml"], asked["requested_lv_esv_ml"], strict=True)
    return asked.assign(requested_lv_ef=[ejection_fraction(edv_ml, esv_ml) for edv_ml, esv_ml in volumes])


def heeded(conditions: Collection[str] | None) -> set[str]:
    """Columns of `ASKED` that a generator can obey: of the LV's EDV, ESV and EF, two make the third.

    Parameters
    ----------
    conditions : collection of str or None
        What of a request the generator's models heed; None where nobody recorded it, which counts as
        everything.
    """
    if conditions is None:
        return set(ASKED)
    left_ventricle = {"lv_edv_ml", "lv_esv_ml", "lv_ef"}
    known = set(conditions)
    return (known | left_ventricle if len(known & left_ventricle) >= 2 else known) & set(ASKED)


def measure_controllability(
    asked: pd.DataFrame,
    measured: pd.DataFrame,
    versus: str,
    fields: Mapping[str, Any],
    replicates: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    conditions: Collection[str] | None = None,
) -> pd.DataFrame:
    """Pearson correlation, bias and limits of agreement of asked and measured hearts.

    Parameters
    ----------
    asked : DataFrame
        One row a synthetic subject: `subject` and any of `ASKED` with ``requested_`` in front: volumes in
        mL, mass in g. The ejection fraction follows from the volumes.
    measured : DataFrame
        One row a subject: `subject` and the columns without ``requested_``: of an independent segmenter
        (`synthaug.measures.scoring.predicted_volumes`), or of the masks the generator made.
    versus : str
        What measured, as the rows shall say: `SEGMENTER`, `OWN_MASKS`, `ON_GRID`, `BEYOND`.
    fields : mapping
        Columns that all rows share: generator, fold, seeds.
    replicates, confidence, seed
        Bootstrap over subjects.
    conditions : collection of str, optional
        What of a request the generator heeds; see `heeded`.

    Returns
    -------
    DataFrame
        Rows ``controllability_<r|bias|loa_low|loa_high>_<column>`` for each asked column; differences are
        measured minus asked. What the generator is not conditioned on, fewer than three complete pairs,
        or for the correlation a side that does not vary, has the status ``not_measured``.
    """
    pairs = (
        with_requested_ef(asked)
        .reset_index(drop=True)
        .merge(measured.reset_index(drop=True), on="subject", suffixes=("", "_measured"))
    )
    rows: list[Row] = []
    for column, quantity in ASKED.items():
        found = f"{column}_measured" if f"{column}_measured" in pairs else column
        if f"requested_{column}" not in pairs or found not in pairs:
            continue
        complete = pairs[[f"requested_{column}", found]].dropna().to_numpy(np.float64)
        note = ""
        if column not in heeded(conditions):
            note = f"the generator is not conditioned on {quantity.title}"
        elif len(complete) < 3:
            note = "fewer than three pairs"
        intervals = {} if note else _bootstrap(complete, replicates, confidence, seed)
        for measure in MEASURES:
            shared = {
                **columns_of(f"controllability_{measure}", f"_{column}"),
                "structure": quantity.structure,
                "phase": quantity.phase,
                "versus": versus,
                "n": len(complete),
                **fields,
            }
            low, value, high = intervals.get(measure, (np.nan,) * 3)
            if np.isnan(value):
                why = note or "asked or measured values do not vary"
                rows.append({**shared, "status": "not_measured", "note": why})
            else:
                rows.append({**shared, "status": "ok", "value": value, "ci_low": low, "ci_high": high})
    return make_table(rows)


def beyond_training(
    asked: pd.DataFrame, ranges: Mapping[str, Sequence[float]], conditions: Collection[str] | None
) -> pd.Series[bool]:
    """Which hearts were asked to have what no training patient has.

    Parameters
    ----------
    asked : DataFrame
        As `measure_controllability` takes it.
    ranges : mapping of str to (float, float)
        From `synthaug.synthesis.plan_condition_sweep.training_ranges`.
    conditions : collection of str or None
        What of a request the generator heeds: what it does not is not asked of it.

    Returns
    -------
    Series of bool
        True where EDV, EF or mass lies outside the range.
    """
    table = with_requested_ef(asked)
    outside = pd.Series(False, index=table.index)
    for column in set(AXES) & set(ranges) & heeded(conditions):
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


def _bootstrap(
    pairs: np.ndarray, replicates: int, confidence: float, seed: int
) -> dict[str, tuple[float, float, float]]:
    """Lower end, value and upper end of each measure of pairs (n, 2) of asked and measured values."""
    rng = np.random.default_rng(seed)
    value = _measures(pairs)
    drawn = np.array([_measures(pairs[rng.integers(len(pairs), size=len(pairs))]) for _ in range(replicates)])
    found = {}
    for i, name in enumerate(MEASURES):
        # A draw of one subject only has no correlation: such replicates say nothing and are left out.
        known = drawn[~np.isnan(drawn[:, i]), i]
        low, high = percentile_interval(known, confidence) if len(known) else (np.nan, np.nan)
        found[name] = (low, float(value[i]), high)
    return found


def _measures(pairs: np.ndarray) -> np.ndarray:
    asked, measured = pairs.T
    return np.array([pearson_correlation(measured, asked), *bland_altman(measured, asked)])
