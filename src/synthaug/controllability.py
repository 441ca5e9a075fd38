"""How well a generator obeys: volumes that were asked for against volumes that were measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from synthaug.metrics.agreement import bland_altman, pearson_correlation
from synthaug.tables import make_table
from synthaug.tables.definitions import fields_of

Row = dict[str, Any]
#: Functional columns a condition plan may ask for, with structure and phase.
ASKED = {
    "lv_edv_ml": ("LV", "ED"),
    "lv_esv_ml": ("LV", "ES"),
    "rv_edv_ml": ("RV", "ED"),
    "rv_esv_ml": ("RV", "ES"),
}
MEASURES = ("r", "bias", "loa_low", "loa_high")


def measure_controllability(
    asked: pd.DataFrame,
    measured: pd.DataFrame,
    versus: str,
    fields: Mapping[str, Any],
    replicates: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Pearson correlation, bias and limits of agreement of asked and measured volumes.

    Parameters
    ----------
    asked : DataFrame
        One row a synthetic subject: `subject` and any of ``asked_lv_edv_ml``, ``asked_lv_esv_ml``,
        ``asked_rv_edv_ml``, ``asked_rv_esv_ml`` in mL.
    measured : DataFrame
        One row a subject: `subject` and the columns without ``asked_``, in mL: of an independent segmenter
        (`synthaug.metrics.scoring.predicted_volumes`), or of the masks the generator made.
    versus : str
        What measured the volumes, as the rows shall say: ``"segmenter"``, ``"generator's masks"``.
    fields : mapping
        Columns that all rows share: generator, fold, seeds.
    replicates, confidence, seed
        Bootstrap over subjects.

    Returns
    -------
    DataFrame
        Rows ``controllability_<r|bias|loa_low|loa_high>_<column>`` for each asked column; differences are
        measured minus asked. Fewer than three complete pairs, or a side that does not vary, give the
        correlation the status ``not_measured``.
    """
    pairs = asked.reset_index(drop=True).merge(
        measured.reset_index(drop=True), on="subject", suffixes=("", "_measured")
    )
    rows: list[Row] = []
    for column, (structure, phase) in ASKED.items():
        found = f"{column}_measured" if f"{column}_measured" in pairs else column
        if f"asked_{column}" not in pairs or found not in pairs:
            continue
        complete = pairs[[f"asked_{column}", found]].dropna().to_numpy(np.float64)
        about = {"structure": structure, "phase": phase, "versus": versus, "n": len(complete), **fields}
        intervals = _bootstrap(complete, replicates, confidence, seed) if len(complete) >= 3 else {}
        for measure in MEASURES:
            shared = {**fields_of(f"controllability_{measure}", f"_{column}"), **about}
            low, value, high = intervals.get(measure, (np.nan,) * 3)
            if np.isnan(value):
                few = len(complete) < 3
                note = "fewer than three pairs" if few else "asked or measured volumes do not vary"
                rows.append({**shared, "status": "not_measured", "note": note})
            else:
                rows.append({**shared, "status": "ok", "value": value, "ci_low": low, "ci_high": high})
    return make_table(rows)


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
    return measured.assign(versus="generator's masks", status="not_measured", note=note, **empty)


def _bootstrap(
    pairs: np.ndarray, replicates: int, confidence: float, seed: int
) -> dict[str, tuple[float, float, float]]:
    """Lower end, value and upper end of each measure of pairs (n, 2) of asked and measured values."""
    rng = np.random.default_rng(seed)
    value = _measures(pairs)
    drawn = np.array([_measures(pairs[rng.integers(len(pairs), size=len(pairs))]) for _ in range(replicates)])
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    found = {}
    for i, name in enumerate(MEASURES):
        # A draw of one subject only has no correlation: such replicates say nothing and are left out.
        known = drawn[~np.isnan(drawn[:, i]), i]
        low, high = np.quantile(known, tails) if len(known) else (np.nan, np.nan)
        found[name] = (float(low), float(value[i]), float(high))
    return found


def _measures(pairs: np.ndarray) -> np.ndarray:
    asked, measured = pairs.T
    return np.array([pearson_correlation(measured, asked), *bland_altman(measured, asked)])
