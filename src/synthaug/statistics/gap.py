"""Generalisation gap: patients of vendors that no training saw, minus those held out within the training vendors."""

from __future__ import annotations

from collections.abc import Sequence

from synthaug.config.arms import Arm, comparisons_of
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import columns_of, largest_difference
from synthaug.statistics.contrast import contrast_precision
from synthaug.statistics.estimate_rows import EXPLORATORY, arm_fields, bounded, estimate, too_few
from synthaug.statistics.scores import Level
from synthaug.tables import Row


def gap_rows(level: Level, place: Row, arms: Sequence[Arm], settings: EvaluationSettings) -> list[Row]:
    """Gap of every arm, and its difference from that of real data only: does synthetic data close the gap?

    Parameters
    ----------
    level : Level
        A level whose `scores` are of the foreign vendors' patients and whose `within` of those held out.
    place : dict
        Columns of the level.
    arms : sequence of Arm
        All arms, controls included.
    settings : EvaluationSettings
        Confidence level of the intervals.

    Returns
    -------
    list of dict
        Rows ``<metric>_gap`` of each arm and ``<metric>_gap_difference`` of each arm minus each of real data
        only, in the unit of the metric; n counts both groups. The patients of the groups are independent
        (Welch); their trainings are the same. Exploratory.
    """
    assert level.within is not None
    references = [(arm, other) for arm, other, _ in comparisons_of(arms) if other.control is None]
    rows = [_gap(level, place, (arm,), settings) for arm in arms]
    return rows + [_gap(level, place, pair, settings) for pair in references]


def _gap(level: Level, place: Row, arms: tuple[Arm, ...], settings: EvaluationSettings) -> Row:
    assert level.within is not None
    outside, within = ([scores[arm.name] for arm in arms] for scores in (level.scores, level.within))
    about = {
        **columns_of(level.metric, "_gap_difference" if arms[1:] else "_gap"),
        **place,
        **arm_fields(arms[0]),
    }
    if arms[1:]:
        about["versus"] = arms[1].name
    precision = contrast_precision(outside, [1.0, -1.0][: len(arms)], minus=within)
    if precision is None:
        few = [too_few(*outside), too_few(*within)]
        note = f"{few[0]['n']} foreign and {few[1]['n']} internal test patients; at least 2 of each per fold are needed"
        return {**about, "status": "not_measured", "note": note, "n": few[0]["n"] + few[1]["n"]}
    widest = len(arms) * largest_difference(level.metric)
    row = bounded({"note": EXPLORATORY, **about, **estimate(precision, arms, settings)}, -widest, widest)
    if precision.known:
        row["p_value"] = precision.p_value()
    return row
