"""Tasks of a study are compared apart, with one family of tests over them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from made_scores import ARMS, REAL, scores_of

from synthaug.config.evaluation import EvaluationSettings
from synthaug.statistics.comparisons import compare_arms
from synthaug.statistics.paired_tests import holm
from synthaug.statistics.tasks import ComparedTask, compare_tasks
from synthaug.statistics.unfinished import compare_finished

SETTINGS = EvaluationSettings(replicates=200, mixed_model=False)


@pytest.fixture(scope="module")
def compared() -> pd.DataFrame:
    """Two tasks of one metric: the first with an effect of 0.1, the second without; a third of real arms only."""
    scores = [scores_of("good", 0.1, 1), scores_of("none", 0.0, 2), scores_of("bare", 0.0, 3, [REAL])]
    tasks = [
        ComparedTask("good", ("dice",), ARMS),
        ComparedTask("none", ("dice",), ARMS),
        ComparedTask("bare", (), [REAL]),
    ]
    return compare_tasks(pd.concat(scores, ignore_index=True), tasks, SETTINGS)


def differences(rows: pd.DataFrame, task: str | None) -> pd.DataFrame:
    own = rows[rows["task"].isna() if task is None else rows["task"] == task]
    return own[(own["metric"] == "dice_difference") & own["structure"].isna()]


def test_each_task_has_the_values_that_it_has_alone(compared):
    for task, effect, seed in (("good", 0.1, 1), ("none", 0.0, 2)):
        alone = differences(compare_arms(scores_of(task, effect, seed), ARMS, SETTINGS), None)
        both = differences(compared, task)
        for column in ("value", "ci_low", "ci_high", "p_value", "boot_low"):
            np.testing.assert_array_equal(alone[column].astype(float), both[column].astype(float))


def test_the_family_is_over_all_tasks(compared):
    family = compared[compared["p_adjusted"].notna()]
    assert set(family["task"]) == {"good", "none"} and len(family) == 2
    # Two members, so the smaller p-value is doubled: alone it would stay as it is.
    np.testing.assert_allclose(sorted(family["p_adjusted"]), sorted(holm(list(family["p_value"]))))
    assert family["p_adjusted"].min() == pytest.approx(2 * family["p_value"].min())


def test_a_member_is_planned_at_the_level_of_the_whole_family(compared):
    alone = compare_arms(scores_of("good", 0.1, 1), ARMS, SETTINGS)
    one = alone[alone["p_adjusted"].notna()].iloc[0]["detectable"]
    among = compared[compared["p_adjusted"].notna() & (compared["task"] == "good")].iloc[0]["detectable"]
    assert among > one


def test_a_task_of_real_arms_has_means_and_no_comparison(compared):
    own = compared[compared["task"] == "bare"]
    assert set(own["arm"].dropna()) == {"real"}
    assert not own["metric"].str.endswith("_difference").any()


def test_a_task_without_a_finished_arm_counts_as_many_comparisons_as_it_would_have():
    # Six structures and phases by one control in each of two tasks: 12 comparisons, of which 6 are withheld.
    places = [f"{structure} {phase}" for structure in ("LV", "MYO", "RV") for phase in ("ED", "ES")]
    scores = [scores_of(task, 0.01, seed, targets=places) for seed, task in enumerate(("one", "two"))]
    tasks = [ComparedTask(task, ("dice",), ARMS, "dice") for task in ("one", "two")]
    settings = SETTINGS.model_copy(update={"family_level": "structure_phase"})
    failed = {"two": {"plus": "no training"}}
    rows = compare_finished(pd.concat(scores, ignore_index=True), tasks, failed, settings)
    family = rows[rows["p_adjusted"].notna()]
    assert len(family) == 6 and set(family["task"]) == {"one"}
    assert family["p_adjusted"].min() == pytest.approx(12 * family["p_value"].min())


def test_an_exploratory_task_stays_out_of_the_family():
    scores = pd.concat([scores_of("a", 0.0, 1), scores_of("b", 0.0, 2)], ignore_index=True)
    rows = compare_tasks(scores, [ComparedTask("a", ("dice",), ARMS), ComparedTask("b", (), ARMS)], SETTINGS)
    assert set(rows.loc[rows["p_adjusted"].notna(), "task"]) == {"a"}


def test_targets_are_places_of_their_own_and_pooled():
    scores = scores_of("t", 0.0, 1, targets=("lv_ef", "lv_edv_ml"))
    scores.loc[scores["target"] == "lv_edv_ml", "value"] -= 0.2
    rows = compare_arms(scores, ARMS, SETTINGS)
    means = rows[(rows["metric"] == "dice_mean") & (rows["arm"] == "real")].set_index(
        rows["target"].fillna("all")[(rows["metric"] == "dice_mean") & (rows["arm"] == "real")]
    )["value"]
    assert set(means.index) == {"all", "lv_ef", "lv_edv_ml"}
    assert means["all"] == pytest.approx((means["lv_ef"] + means["lv_edv_ml"]) / 2)


@pytest.mark.parametrize(("targets", "members"), [(("lv_ef", "lv_edv_ml"), 2), ((None,), 1)])
def test_declared_by_place_the_family_holds_every_target(targets, members):
    scores = scores_of("t", 0.0, 1, targets=targets)
    settings = EvaluationSettings(replicates=100, mixed_model=False, family_level="structure_phase")
    family = compare_arms(scores.assign(structure=None), ARMS, settings)
    family = family[family["p_adjusted"].notna()]
    # Of a metric without any place, such as the accuracy of a diagnosis, the one comparison that there is.
    assert len(family) == members and set(family["target"].dropna()) == {name for name in targets if name}
