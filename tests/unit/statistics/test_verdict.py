"""Verdicts: from intervals to words."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from synthaug.statistics.verdict import (
    EQUIVALENT,
    HELPS,
    HURTS,
    NOT_MEASURED,
    UNDECIDED,
    WITHHELD,
    judge_arm,
    judge_interval,
    judge_row,
    judge_study,
)


def rows(*intervals: tuple[str, float, float], direction: str = "higher") -> pd.DataFrame:
    table = pd.DataFrame(intervals, columns=["versus", "ci_low", "ci_high"])
    tests = {"p_value": 0.01, "p_adjusted": 0.02, "p_equivalence": 0.5, "detectable": 0.01}
    return table.assign(status="ok", note=None, direction=direction, patients_needed=40, **tests)


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


def test_a_control_that_trains_for_less_long_counts_for_help_only():
    names = {"controls": ["repeated", "classical"], "extra_controls": ["exposure"]}
    worse = [("repeated", -0.03, -0.01), ("classical", -0.03, -0.01)]
    better = [("repeated", 0.01, 0.03), ("classical", 0.01, 0.03)]
    assert judge_arm(rows(*worse, ("exposure", 0.02, 0.05)), **names).word == HURTS
    assert judge_arm(rows(*better, ("exposure", 0.02, 0.05)), **names).word == HELPS
    assert judge_arm(rows(*better, ("exposure", -0.01, 0.05)), **names).word == UNDECIDED
    assert judge_arm(rows(*better), **names).word == UNDECIDED  # and must not be missing
    same = rows(*[(name, -0.001, 0.001) for name in names["controls"]], ("exposure", 0.02, 0.05))
    close = same.assign(p_equivalence=[0.01, 0.01, 0.9])
    assert judge_arm(close, **names).word == EQUIVALENT
    assert judge_arm(rows(("exposure", 0.02, 0.05)), [], extra_controls=["exposure"]).word == NOT_MEASURED


def test_one_control_beaten_and_one_lost_is_undecided():
    split = rows(("repeated", 0.001, 0.02), ("classical", -0.03, -0.002))
    assert judge_arm(split, ["repeated", "classical"]).word == UNDECIDED


def test_an_undecided_verdict_says_what_holds_against_which_control():
    table = rows(("exposure", 0.02, 0.05), ("repeated", -0.008, 0.008), ("classical", -0.007, 0.015))
    known = {"controls": ["repeated", "classical"], "extra_controls": ["exposure"]}
    close = table.assign(p_equivalence=[0.9, 0.04, 0.2])
    assert judge_arm(close, **known).reason == (
        "better than exposure, equivalent to repeated, undecided against classical"
    )
    mixed = rows(("repeated", 0.001, 0.02), ("classical", -0.03, -0.002))
    assert judge_arm(mixed, ["repeated", "classical"]).reason == "better than repeated, worse than classical"
    wide = rows(("repeated", -0.02, 0.02), ("classical", -0.03, 0.02))
    assert judge_arm(wide, ["repeated", "classical"]).reason == (
        "no difference is significant, and equivalence is not shown"
    )


def test_a_corrected_p_value_above_the_level_forbids_a_claim():
    table = rows(("repeated", 0.001, 0.02))
    assert judge_arm(table, ["repeated"]).word == HELPS
    assert judge_arm(table.assign(p_adjusted=0.06), ["repeated"]).word == UNDECIDED
    assert judge_arm(table, ["repeated"], alpha=0.015).word == UNDECIDED


def test_equivalent_needs_the_margin_against_every_control():
    table = rows(("repeated", -0.002, 0.003), ("classical", -0.001, 0.004)).assign(p_adjusted=0.8)
    both = ["repeated", "classical"]
    assert judge_arm(table.assign(p_equivalence=0.01), both).word == EQUIVALENT
    assert judge_arm(table.assign(p_equivalence=[0.01, 0.06]), both).word == UNDECIDED
    # A certain difference, however small, is said as such where it holds against every control.
    certain = rows(("repeated", 0.001, 0.003), ("classical", 0.001, 0.004)).assign(p_equivalence=0.01)
    assert judge_arm(certain, both).word == HELPS
    assert judge_arm(certain.assign(p_adjusted=[0.01, 0.2]), both).word == EQUIVALENT


def test_without_repeated_trainings_it_is_undecided_and_says_why():
    table = rows(("repeated", 0.001, 0.02)).assign(p_value=None, p_adjusted=None, note="one training")
    outcome = judge_arm(table, ["repeated"])
    assert (outcome.word, outcome.reason) == (UNDECIDED, "one training")
    assert judge_row(table.to_dict("records")[0]) == UNDECIDED


def test_a_verdict_says_what_all_of_its_comparisons_could_have_found():
    table = rows(("repeated", -0.01, 0.02), ("classical", -0.01, 0.02))
    outcome = judge_arm(
        table.assign(detectable=[0.01, 0.013], patients_needed=[40, 64]), ["repeated", "classical"]
    )
    assert (outcome.detectable, outcome.patients_needed, outcome.declared) == (0.013, 64, True)
    assert outcome.least_precise == "classical"
    unattainable = judge_arm(table.assign(patients_needed=[40, None]), ["repeated", "classical"])
    assert unattainable.patients_needed is None and unattainable.detectable == 0.01
    assert not judge_arm(table.assign(p_adjusted=None), ["repeated", "classical"]).declared


def test_outside_the_family_the_plain_p_value_decides():
    row = rows(("repeated", 0.001, 0.02)).assign(p_adjusted=None).to_dict("records")[0]
    assert judge_row(row) == HELPS
    assert judge_row({**row, "p_value": 0.2}) == UNDECIDED
    assert judge_row({**row, "p_value": 0.2, "p_equivalence": 0.001}) == EQUIVALENT


def test_comparisons_with_other_arms_do_not_count():
    table = rows(("repeated", -0.01, 0.01), ("real", 0.1, 0.2))
    assert judge_arm(table, ["repeated"]).word == UNDECIDED
    assert judge_arm(rows(("real", 0.1, 0.2)), ["repeated"]).word == NOT_MEASURED


def test_a_missing_control_forbids_a_claim_and_is_named():
    outcome = judge_arm(rows(("repeated", 0.001, 0.02)), ["repeated", "classical"])
    assert outcome.word == UNDECIDED
    assert "classical" in outcome.reason


def test_a_failed_comparison_withholds_the_verdict_on_the_arm_and_on_the_study():
    table = pd.concat(
        [rows(("repeated", 0.001, 0.02)), rows(("repeated", None, None)).assign(status="failed")]
    )
    assert judge_arm(table, ["repeated"]).word == WITHHELD
    failed = rows(("repeated", None, None)).assign(status="failed", note="the segmenter diverged")
    assert judge_arm(failed, ["repeated"]).word == WITHHELD
    assert judge_arm(failed, ["repeated"]).reason == "the segmenter diverged"
    assert judge_study([HELPS, WITHHELD]) == WITHHELD


def test_a_comparison_that_could_not_be_measured_forbids_a_claim():
    absent = rows(("repeated", None, None)).assign(status="not_measured", note="too few")
    table = pd.concat([rows(("repeated", 0.001, 0.02)), absent])
    assert judge_arm(table, ["repeated"]).word == UNDECIDED
    assert judge_arm(absent, ["repeated"]).word == NOT_MEASURED


def test_without_controls_nothing_is_claimed():
    assert judge_arm(rows(("real", 0.1, 0.2)), []).word == NOT_MEASURED


def test_the_answer_of_the_study_does_not_depend_on_the_order_of_its_arms():
    for order in itertools.permutations([HELPS, UNDECIDED, NOT_MEASURED]):
        assert judge_study(order) == "mixed"
    assert judge_study([HURTS, NOT_MEASURED]) == HURTS
    assert judge_study([NOT_MEASURED]) == NOT_MEASURED
    assert judge_study([]) == NOT_MEASURED


def test_a_verdict_says_that_it_rests_on_few_trainings_of_the_generator() -> None:
    table = rows(("repeated", 0.01, 0.03), ("classical", 0.02, 0.04))
    both = ["repeated", "classical"]
    once = judge_arm(table.assign(generator_trainings=1), both)
    assert once.word == HELPS and once.scope == "with this one training of the generator"
    assert once.reason == "better than every control, with this one training of the generator"
    twice = judge_arm(table.assign(generator_trainings=[2, None]), both)
    assert twice.scope == "with these 2 trainings of the generator"
    assert judge_arm(table.assign(generator_trainings=3), both).scope == ""
    wide = rows(("repeated", -0.1, 0.1), ("classical", -0.1, 0.1)).assign(generator_trainings=1)
    assert judge_arm(wide, both).word == UNDECIDED and judge_arm(wide, both).scope == ""
