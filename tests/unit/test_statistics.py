"""Comparisons of arms: numbers by hand, coverage, and who is compared with whom."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metrics.definitions import fields_of
from synthaug.statistics import Scores, compare_arms, comparisons_of, holm, replicate_means, wilcoxon_p
from synthaug.tables import make_table

REAL = Arm("real", True, None, 0.0)
PLUS = Arm("plus", True, "cascade", 1.0)
REPEATED = Arm("plus-repeated", True, "cascade", 1.0, "repeated", "plus")
ONLY = Arm("only", False, "cascade", 1.0)
ARMS = [REAL, PLUS, ONLY, REPEATED]
SETTINGS = EvaluationSettings(replicates=500)


def scores(effect: dict[str, float], patients: int = 20, seeds: int = 2, noise: float = 0.01) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    base = rng.normal(0.8, 0.05, patients)
    for arm, seed, patient in itertools.product(ARMS, range(seeds), range(patients)):
        for structure, phase in (("LV", "ED"), ("LV", "ES"), ("RV", "ED")):
            value = base[patient] + effect.get(arm.name, 0) + noise * rng.normal()
            rows.append({**fields_of("dice"), "status": "ok", "value": value, "structure": structure,
                         "phase": phase, "subject": f"p{patient}", "arm": arm.name, "fold": 0,
                         "training_seed": seed, "generator_seed": 0 if arm.generator else None})  # fmt: skip
    return make_table(rows)


def one(
    rows: pd.DataFrame, metric: str, arm: str, versus: str | None = None, structure: str | None = None
) -> pd.Series:
    found = rows[(rows["metric"] == metric) & (rows["arm"] == arm)]
    found = found[found["versus"] == versus] if versus else found[found["versus"].isna()]
    found = found[found["structure"] == structure] if structure else found[found["structure"].isna()]
    return found.iloc[0]


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    assert len(holm([])) == 0


def test_wilcoxon() -> None:
    assert wilcoxon_p(np.array([0.1, 0.2, 0.3, 0.4, 0.5])) == pytest.approx(0.0625)  # 2 / 2^5
    assert wilcoxon_p(np.arange(1, 7)) == pytest.approx(0.03125)
    assert wilcoxon_p(np.zeros(8)) == 1.0
    differences = np.random.default_rng(0).normal(0.1, 1, 30)
    assert wilcoxon_p(differences) == pytest.approx(stats.wilcoxon(differences).pvalue)


def test_who_is_compared() -> None:
    pairs = {(arm.name, other.name, control) for arm, other, control in comparisons_of(ARMS)}
    assert pairs == {
        ("plus", "plus-repeated", True),
        ("plus", "real", False),
        ("only", "real", False),
        ("plus-repeated", "real", False),
    }


def test_means_and_differences_by_hand() -> None:
    rows = compare_arms(scores({"plus": 0.05}, noise=0.0), ARMS, SETTINGS)
    mean = one(rows, "dice_mean", "plus", structure="LV")
    expected = np.random.default_rng(0).normal(0.8, 0.05, 20).mean() + 0.05
    assert mean["value"] == pytest.approx(expected) and mean["n"] == 20
    assert mean["ci_low"] < mean["value"] < mean["ci_high"]
    for versus in ("real", "plus-repeated"):
        difference = one(rows, "dice_difference", "plus", versus)
        # Every patient gains exactly 0.05: the pairing leaves nothing to vary.
        assert difference["value"] == pytest.approx(0.05)
        assert difference["ci_low"] == pytest.approx(0.05) and difference["ci_high"] == pytest.approx(0.05)
        assert difference["p_value"] < 1e-4
    assert one(rows, "dice_difference", "only", "real")["p_value"] == 1.0


def test_only_the_declared_family_is_adjusted() -> None:
    rows = compare_arms(scores({"plus": 0.004}), ARMS, SETTINGS)
    adjusted = rows[rows["p_adjusted"].notna()]
    assert set(adjusted["versus"]) == {"plus-repeated"} and len(adjusted) == 3  # three structure-phase places
    assert adjusted["p_adjusted"].to_numpy() == pytest.approx(holm(adjusted["p_value"]))
    assert (adjusted["p_adjusted"] >= adjusted["p_value"]).all()


def test_seeds_are_averaged_within_a_patient_and_order_does_not_matter() -> None:
    table = scores({"plus": 0.01})
    rows = compare_arms(table, ARMS, SETTINGS)
    pd.testing.assert_frame_equal(rows, compare_arms(table, ARMS, SETTINGS))
    shuffled = compare_arms(table.sample(frac=1, random_state=1), ARMS, SETTINGS)
    first, second = (one(t, "dice_difference", "plus", "real", "RV") for t in (rows, shuffled))
    assert first["value"] == pytest.approx(second["value"]) and first["n"] == 20


def test_penalised_values_count_and_empty_ones_do_not() -> None:
    table = scores({}, noise=0.0)
    rv = (table["arm"] == "plus") & (table["structure"] == "RV") & (table["subject"] == "p0")
    table.loc[rv, ["value", "status"]] = [0.0, "missing_prediction"]
    rows = compare_arms(table, ARMS, SETTINGS)
    lost = table[(table["subject"] == "p0") & (table["arm"] == "real")]["value"].iloc[0]
    assert one(rows, "dice_difference", "plus", "real", "RV")["value"] == pytest.approx(-lost / 20)
    table.loc[rv, ["value", "status"]] = [np.nan, "empty_both"]
    rows = compare_arms(table, ARMS, SETTINGS)
    row = one(rows, "dice_difference", "plus", "real", "RV")
    assert row["n"] == 19 and row["value"] == pytest.approx(0)


def test_an_arm_without_scores_is_not_measured() -> None:
    table = scores({})
    rows = compare_arms(table[table["arm"] != "plus-repeated"], ARMS, SETTINGS)
    row = one(rows, "dice_difference", "plus", "plus-repeated")
    assert row["status"] == "not_measured" and row["n"] == 0


def test_trainings_are_drawn_within_their_fold() -> None:
    # Patient 0 is tested in fold 0 only, patient 1 in fold 1 only: no draw may lose either.
    values = np.array([[1.0, 1.0, np.nan, np.nan], [np.nan, np.nan, 3.0, 5.0]])
    means = replicate_means(
        Scores(values, np.array([0, 0, 1, 1])), np.ones((400, 2)), np.random.default_rng(0)
    )
    assert (means[:, 0] == 1).all()
    assert set(means[:, 1]) == {3.0, 4.0, 5.0}


def test_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    settings = EvaluationSettings(replicates=300)
    for _ in range(150):
        rows = []
        for arm, patient in itertools.product([REAL, PLUS], range(30)):
            value = rng.normal(0.02 if arm is PLUS else 0.0, 0.05)
            about = {"arm": arm.name, "subject": f"p{patient}", "structure": "LV", "phase": "ED"}
            run = {"fold": 0, "training_seed": 0}
            rows.append({**fields_of("dice"), "status": "ok", "value": value, **about, **run})
        row = one(
            compare_arms(make_table(rows), [REAL, PLUS], settings), "dice_difference", "plus", "real", "LV"
        )
        covered += row["ci_low"] <= 0.02 <= row["ci_high"]
    assert 0.88 <= covered / 150 <= 0.99
