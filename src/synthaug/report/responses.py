"""Section of the report on what the distances notice."""

from __future__ import annotations

from typing import Any

from synthaug.report import wording
from synthaug.report.rows import DISTANCES, Row, estimate, pooled, select

#: Standard deviations of the floor within which a change went unnoticed.
UNNOTICED = 2.0


def responses_section(rows: list[Row]) -> list[dict[str, Any]]:
    """A table for each extractor and fold: what was done to real cines, and how far each distance rose."""
    found = pooled(select(rows, metric=tuple(f"{name}_response" for name in DISTANCES)))
    tables = []
    for extractor, fold in dict.fromkeys((row["extractor"], row["fold"]) for row in found):
        own = select(found, extractor=extractor, fold=fold)
        metrics = [name for name in DISTANCES if select(own, metric=f"{name}_response")]
        probes = dict.fromkeys(row["versus"] for row in own if row["versus"])
        if not probes:
            continue  # the extractor is absent: the distances themselves say so
        tables.append(
            {
                "extractor": extractor or "",
                "fold": fold,
                "n": max((row["n"] or 0) for row in own),
                "metrics": [wording.metric_name(name) for name in metrics],
                "rows": [
                    {"probe": probe, "cells": [_cell(own, metric, probe) for metric in metrics]}
                    for probe in probes
                ],
            }
        )
    return tables


def _cell(rows: list[Row], metric: str, probe: str) -> dict[str, Any]:
    row = next(iter(select(rows, metric=f"{metric}_response", versus=probe)), None)
    cell = estimate(row)
    value = cell["value"]
    return {**cell, "places": 1, "unnoticed": value is not None and abs(value) < UNNOTICED}
