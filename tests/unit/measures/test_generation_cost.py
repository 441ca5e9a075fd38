"""Seconds of a generator's trainings and of its samples."""

from __future__ import annotations

import pytest

from synthaug.config.evaluation import EvaluationSettings
from synthaug.measures.generation_cost import measure_cost
from synthaug.measures.measurement import Measurement

MEASUREMENT = Measurement(
    {"generator": "g", "fold": 0, "generator_seed": 0}, EvaluationSettings(replicates=100)
)


def test_seconds_are_summed_over_models_and_divided_by_samples() -> None:
    records = [
        {"seconds": 60.0, "device": "cpu"},
        {"seconds": {"first": 1.0, "total": 30.5}, "device": "cpu"},
    ]
    rows = measure_cost(records, [30.0, 10.0], [15, 5], MEASUREMENT).set_index("metric")
    assert rows.loc["training_seconds", "value"] == 90.5 and rows.loc["training_seconds", "n"] == 2
    assert rows.loc["training_seconds", "note"] == "device: cpu"
    assert rows.loc["sampling_seconds", "value"] == 2.0 and rows.loc["sampling_seconds", "n"] == 20
    assert rows["ci_low"].isna().all()  # two chunks have no interval


def test_three_chunks_have_an_interval_of_the_ratio() -> None:
    rows = measure_cost([], [10.0, 20.0, 30.0], [10, 10, 10], MEASUREMENT).set_index("metric")
    own = rows.loc["sampling_seconds"]
    assert own["value"] == pytest.approx(2.0) and 1.0 <= own["ci_low"] < 2.0 < own["ci_high"] <= 3.0
    assert rows.loc["training_seconds", "status"] == "not_measured"


def test_nothing_drawn_is_not_measured() -> None:
    rows = measure_cost([], [5.0], [0], MEASUREMENT)
    assert set(rows["status"]) == {"not_measured"}
