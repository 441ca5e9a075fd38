"""What a generator takes: seconds of training and seconds a cine, as the jobs of the study recorded them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthaug.measures.measurement import Measurement
from synthaug.metrics.percentile_bootstrap import percentile_interval, resampled
from synthaug.tables import Row, make_table

_FEWEST = 3  # chunks that are drawn from for an interval


def measure_cost(
    records: Sequence[Mapping[str, Any]],
    seconds: Sequence[float],
    cines: Sequence[int],
    measurement: Measurement,
) -> pd.DataFrame:
    """Seconds of all trainings of a generator, and seconds a cine.

    Parameters
    ----------
    records : sequence of mapping
        ``training.json`` of each model of the generator and of those they build on; a model that several generators share
        counts in full for each.
    seconds : sequence of float
        Wall-clock seconds of each chunk's job, start-up and quality control included.
    cines : sequence of int
        Samples drawn in each chunk, rejected ones included.
    measurement : Measurement
        Generator, fold and seeds; replicates of the bootstrap over chunks, coverage, seed.

    Returns
    -------
    DataFrame
        Rows ``training_seconds`` (sum; `n` models) and ``sampling_seconds`` (all seconds over all samples; `n` samples, with
        an interval over chunks where there are at least 3). Devices are in the note. They are times of one machine: another
        run of the study has others.
    """
    rows: list[Row] = []
    if records:
        total = float(sum(_seconds(record) for record in records))
        devices = ", ".join(sorted({str(record["device"]) for record in records if "device" in record}))
        note = f"device: {devices}" if devices else ""
        rows.append(measurement.row("training_seconds", status="ok", value=total, n=len(records), note=note))
    else:
        rows.append(measurement.not_measured("training_seconds", note="no model is trained by the study"))
    drawn = int(sum(cines))
    if not drawn:
        rows.append(measurement.not_measured("sampling_seconds", note="no sample was drawn", n=0))
        return make_table(rows)
    row: Row = {"status": "ok", "value": float(sum(seconds)) / drawn, "n": drawn}
    if len(cines) >= _FEWEST:
        row["ci_low"], row["ci_high"] = _interval(np.array(seconds), np.array(cines), measurement)
    return make_table([*rows, measurement.row("sampling_seconds", **row)])


def _interval(seconds: np.ndarray, cines: np.ndarray, measurement: Measurement) -> tuple[float, float]:
    """Percentile interval of the ratio of sums, chunks drawn with replacement."""
    settings = measurement.settings
    rng = np.random.default_rng(settings.seed)
    sums = [
        (cines[draws].sum(axis=1), seconds[draws].sum(axis=1))
        for draws in resampled(np.arange(len(cines)), settings.replicates, rng)
    ]
    drawn, taken = (np.concatenate(parts) for parts in zip(*sums, strict=True))
    ratios = taken[drawn > 0] / drawn[drawn > 0]
    return percentile_interval(ratios, settings.confidence)


def _seconds(record: Mapping[str, Any]) -> float:
    """Of a record whose seconds are a number, or are told apart by part with their total."""
    seconds = record["seconds"]
    return float(seconds["total"] if isinstance(seconds, dict) else seconds)
