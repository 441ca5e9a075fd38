"""Section of the report on what the autoencoders give back."""

from __future__ import annotations

from typing import Any

from synthaug.measures.reconstructions import RECONSTRUCTED
from synthaug.report import wording
from synthaug.report.rows import Row, estimate, pooled, select

RECONSTRUCTIONS = tuple(f"{metric}_reconstruction" for metric in RECONSTRUCTED)


def reconstructions_section(rows: list[Row]) -> dict[str, Any]:
    """A line for each autoencoder and training: its distances as multiples of real against real."""
    found = pooled(select(rows, metric=RECONSTRUCTIONS))
    metrics = [name for name in RECONSTRUCTIONS if select(found, metric=name)]
    trainings = dict.fromkeys((row["versus"], row["fold"], row["generator_seed"]) for row in found)
    return {
        "metrics": [wording.metric_name(wording.base_metric(name)) for name in metrics],
        "rows": [_line(found, metrics, *training) for training in trainings],
    }


def _line(rows: list[Row], metrics: list[str], name: str, fold: int, seed: int) -> dict[str, Any]:
    own = select(rows, versus=name, fold=fold, generator_seed=seed)
    return {
        "name": name,
        "fold": fold,
        "seed": seed,
        "n": own[0]["n"],
        "cells": [estimate(row) for metric in metrics for row in select(own, metric=metric)],
    }
