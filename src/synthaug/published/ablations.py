"""Variants of a study's full model against it, a metric at a time: worse, better or not shown, with the paper's direction beside."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from synthaug.config.study import StudySettings
from synthaug.metric_registry import find_metric
from synthaug.published.base import Column, Part, Variants
from synthaug.published.own import best_reference, by_extractor
from synthaug.tables import Row

#: Value of `source` of the lines of `against_full`.
AGAINST_FULL = "against the full model"
WORSE, BETTER, EQUAL = "worse", "better", "equal"
NOT_SHOWN, NOT_MEASURED, NOT_PRINTED = "not shown", "not measured", "not printed"


def against_full(
    part: Part, variants: Variants, rows: pd.DataFrame, published: pd.DataFrame, study: StudySettings
) -> pd.DataFrame:
    """Each variant against the full model in each column of a part.

    Parameters
    ----------
    part : Part
        Columns; metrics of distances to real patients have rows of `synthaug.measures.generator_comparison`, others none.
    variants : Variants
        The full model, and which lines of the paper the other generators are.
    rows : DataFrame
        All result rows of the study.
    published : DataFrame
        The paper's values (`PublishedTable.values`).
    study : StudySettings
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        One line a variant, extractor and column. `value`: distance of the variant over that of the full model, to the same
        real patients, with its interval; of several trainings as in `mean_of_trainings`. `finding`: `WORSE` where the interval is
        above 1, `BETTER` where it is below, `NOT_SHOWN` where it holds 1 or is unknown, `NOT_MEASURED` without a value.
        `published_finding`: which way the paper's values differ, `NOT_PRINTED` where it has none.
    """
    lines = [
        line
        for generator, in_paper in variants.lines.items()
        for column in part.columns
        for line in _lines(generator, in_paper, column, variants.full, rows, published, study)
    ]
    return pd.DataFrame(lines)


def _lines(
    generator: str,
    in_paper: tuple[str, str] | None,
    column: Column,
    full: str,
    rows: pd.DataFrame,
    published: pd.DataFrame,
    study: StudySettings,
) -> Iterator[Row]:
    name = generator if in_paper is None else f"{generator} ({in_paper[0]})"
    printed = NOT_PRINTED if in_paper is None else _direction(column, in_paper, published)
    about = {"column": column.label, "unit": "1", "published_finding": printed}
    own = _quotients(generator, full, rows[rows["metric"] == f"{column.metric}_quotient"])
    for extractor, found in by_extractor(own, best_reference(own), study.evaluation.confidence):
        method = name if extractor is None else f"{name}, {extractor}"
        yield {**about, "method": method, **found, "finding": _finding(found)}


def _quotients(generator: str, full: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Quotients of a generator over the full model; those the other way round, of one that the study names first, are inverted.

    An interval that reaches 0 has no upper end then.
    """
    over = rows[(rows["generator"] == generator) & (rows["other_generator"] == full)]
    under = rows[(rows["generator"] == full) & (rows["other_generator"] == generator)]
    value, low, high = (1 / under[name].astype(float) for name in ("value", "ci_low", "ci_high"))
    low = low.mask(under["ci_low"].astype(float) <= 0, np.inf)
    return over if under.empty else under.assign(value=value, ci_low=high, ci_high=low)


def _finding(found: Row) -> str:
    if pd.isna(found.get("value")):
        return NOT_MEASURED
    if pd.isna(found["ci_low"]) or pd.isna(found["ci_high"]) or found["ci_low"] <= 1 <= found["ci_high"]:
        return NOT_SHOWN
    return WORSE if found["ci_low"] > 1 else BETTER


def _direction(column: Column, in_paper: tuple[str, str], published: pd.DataFrame) -> str:
    """Which way the paper's line differs from its full model."""
    printed = published[published["column"] == column.label].set_index("method")["value"]
    if not set(in_paper) <= set(printed.index):
        return NOT_PRINTED
    difference = printed[in_paper[0]] - printed[in_paper[1]]
    metric = find_metric(column.metric)
    assert metric is not None
    if difference == 0:
        return EQUAL
    return WORSE if (difference > 0) == (metric.direction == "lower") else BETTER
