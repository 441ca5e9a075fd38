"""Verdicts: from intervals to words."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from synthaug.verdict import HELPS, HURTS, NOT_MEASURED, UNDECIDED, judge_arm, judge_interval, judge_study


def rows(*intervals: tuple[str, float, float], direction: str = "higher") -> pd.DataFrame:
    table = pd.DataFrame(intervals, columns=["versus", "ci_low", "ci_high"])
    return table.assign(status="ok", note=None, direction=direction)


@pytest.mark.parametrize(
    ("low", "high", "direction", "word"),
    [
        (0.001, 0.02, "higher", HELPS),
        (-0.02, -0.001, "higher", HURTS),
        (-0.003, 0.027, "higher", UNDECIDED),
        (0.0, 0.02, "higher", UNDECIDED),  # touching zero does not exclude it
        (-2.0, -0.5, "lower", HELPS),  # a smaller distance is better
        (0.5, 2.0, "lower", HURTS),
        (0.5, 2.0, "none", UNDECIDED),  # neither way is better
        (float("nan"), 2.0, "higher", UNDECIDED),
    ],
)
def test_the_interval_decides_in_the_direction_of_the_metric(low, high, direction, word):
    assert judge_interval(low, high, direction) == word


def test_every_control_must_be_beaten():
    both = rows(("repeated", 0.001, 0.02), ("classical", 0.002, 0.03))
    one = rows(("repeated", 0.001, 0.02), ("classical", -0.002, 0.03))
    assert judge_arm(both, ["repeated", "classical"]).word == HELPS
    assert judge_arm(one, ["repeated", "classical"]).word == UNDECIDED
    assert (
        judge_arm(rows(("repeated", -3, -1), ("classical", -3, -1)), ["repeated", "classical"]).word == HURTS
    )


def test_one_control_beaten_and_one_lost_is_undecided():
    split = rows(("repeated", 0.001, 0.02), ("classical", -0.03, -0.002))
    assert judge_arm(split, ["repeated", "classical"]).word == UNDECIDED


def test_comparisons_with_other_arms_do_not_count():
    table = rows(("repeated", -0.01, 0.01), ("real", 0.1, 0.2))
    assert judge_arm(table, ["repeated"]).word == UNDECIDED
    assert judge_arm(rows(("real", 0.1, 0.2)), ["repeated"]).word == NOT_MEASURED


def test_a_missing_control_forbids_a_claim_and_is_named():
    outcome = judge_arm(rows(("repeated", 0.001, 0.02)), ["repeated", "classical"])
    assert outcome.word == UNDECIDED
    assert "classical" in outcome.reason


def test_a_failed_comparison_forbids_a_claim_and_an_all_failed_arm_is_not_measured():
    table = pd.concat(
        [rows(("repeated", 0.001, 0.02)), rows(("repeated", None, None)).assign(status="failed")]
    )
    assert judge_arm(table, ["repeated"]).word == UNDECIDED
    failed = rows(("repeated", None, None)).assign(status="failed", note="the segmenter diverged")
    assert judge_arm(failed, ["repeated"]).word == NOT_MEASURED
    assert judge_arm(failed, ["repeated"]).reason == "the segmenter diverged"


def test_without_controls_nothing_is_claimed():
    assert judge_arm(rows(("real", 0.1, 0.2)), []).word == NOT_MEASURED


def test_the_answer_of_the_study_does_not_depend_on_the_order_of_its_arms():
    for order in itertools.permutations([HELPS, UNDECIDED, NOT_MEASURED]):
        assert judge_study(order) == "mixed"
    assert judge_study([HURTS, NOT_MEASURED]) == HURTS
    assert judge_study([NOT_MEASURED]) == NOT_MEASURED
    assert judge_study([]) == NOT_MEASURED
