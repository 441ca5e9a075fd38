"""Units of the comparisons: patients and not visits, foreign vendors apart from internal test patients, folds."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import columns_of, find_metric
from synthaug.statistics.comparisons import compare_arms
from synthaug.tables import make_table

REAL = Arm("real", True, None, 0.0)
PLUS = Arm("plus", True, "cascade", 1.0)
REPEATED = Arm("plus-repeated", True, "cascade", 1.0, "repeated", "plus")
ARMS = [REAL, PLUS, REPEATED]
SETTINGS = EvaluationSettings(replicates=500, mixed_model=False)


def study(effect, patients=12, within=6, folds=1, seeds=3, visits=1, noise=0.01, seed=0) -> pd.DataFrame:
    """Foreign patients f0, ... tested in every fold, internal ones w0, ... in one; `effect(arm, role, fold)`."""
    rng = np.random.default_rng(seed)
    tested_patients = [(f"f{number}", "test", "B", range(folds)) for number in range(patients)]
    tested_patients += [(f"w{number}", "test_within", "A", [number % folds]) for number in range(within)]
    base = {name: rng.normal(0.8, 0.05) for name, *_ in tested_patients}
    rows = []
    for arm, training_seed, (name, role, vendor, tested) in itertools.product(
        ARMS, range(seeds), tested_patients
    ):
        for fold, visit in itertools.product(tested, range(visits)):
            value = base[name] + effect(arm.name, role, fold) + noise * rng.normal()
            rows.append(
                {
                    **columns_of("dice"),
                    "status": "ok",
                    "value": value,
                    "structure": "LV",
                    "phase": "ED",
                    "subject": f"{name}-{visit}",
                    "patient": name,
                    "role": role,
                    "vendor": vendor,
                    "arm": arm.name,
                    "fold": fold,
                    "training_seed": training_seed,
                    "generator_seed": 0 if arm.generator else None,
                }
            )
    return make_table(rows)


def one(rows: pd.DataFrame, metric: str, arm: str, versus=None, role=None, vendor=None) -> pd.Series:
    found = rows[(rows["metric"] == metric) & (rows["arm"] == arm)]
    for column, value in (("versus", versus), ("role", role), ("vendor", vendor)):
        found = found[found[column] == value] if value else found[found[column].isna()]
    assert len(found) == 1
    return found.iloc[0]


def test_the_headline_is_the_patients_of_foreign_vendors():
    def effect(arm, role, fold):
        return 0.1 if arm == "plus" and role == "test_within" else 0.0

    rows = compare_arms(study(effect), ARMS, SETTINGS)
    headline = one(rows, "dice_difference", "plus", "plus-repeated")
    within = one(rows, "dice_difference", "plus", "plus-repeated", role="test_within")
    assert headline["n"] == 12 and headline["value"] == pytest.approx(0, abs=0.01)
    assert within["n"] == 6 and within["value"] == pytest.approx(0.1, abs=0.01)
    family = rows[rows["p_adjusted"].notna()]
    assert len(family) == 1 and family["role"].isna().all()
    assert (rows.loc[rows["metric"] == "dice_rank", "n"] == 12).all()
    mixed = compare_arms(study(effect), ARMS, SETTINGS.model_copy(update={"mixed_model": True}))
    assert one(mixed, "dice_mixed", "plus", "plus-repeated")["n"] == 12


def test_without_both_roles_there_is_one_level():
    rows = compare_arms(study(lambda *_: 0.0, within=0), ARMS, SETTINGS)
    assert rows["role"].isna().all() and not rows["metric"].str.contains("_gap").any()


def test_gaps_and_their_difference_from_real_data_only():
    def effect(arm, role, fold):
        return {"test": {"plus": -0.05}.get(arm, -0.2)}.get(role, 0.0)

    table = study(effect, patients=30, within=20)
    rows = compare_arms(table, ARMS, SETTINGS)
    means = table.groupby(["arm", "role"])["value"].mean()
    for arm in ("real", "plus"):
        gap = one(rows, "dice_gap", arm)
        assert (
            gap["value"] == pytest.approx(means[arm, "test"] - means[arm, "test_within"]) and gap["n"] == 50
        )
        assert gap["ci_low"] < gap["value"] < gap["ci_high"]
    closed = one(rows, "dice_gap_difference", "plus", "real")
    assert closed["value"] == pytest.approx(0.15, abs=0.02) and closed["p_value"] < 1e-4
    assert find_metric("dice_gap_difference").unit == find_metric("dice_gap").unit == "1"
    assert pd.isna(closed["p_adjusted"])


def test_a_gap_is_welchs_where_the_trainings_agree():
    table = study(lambda *_: 0.0, patients=15, within=6, seeds=2, noise=0.0)
    gap = one(compare_arms(table, ARMS, SETTINGS), "dice_gap", "plus")
    values = table[table["arm"] == "plus"].groupby(["role", "patient"])["value"].mean()
    welch = stats.ttest_ind(values["test"], values["test_within"], equal_var=False)
    low, high = welch.confidence_interval(0.95)
    assert (gap["ci_low"], gap["ci_high"]) == (pytest.approx(low), pytest.approx(high))


def test_visits_are_averaged_within_the_patient():
    table = study(lambda *_: 0.0, within=0, visits=3, noise=0.02)
    rows = compare_arms(table, ARMS, SETTINGS)
    whole = table.groupby(["patient", "role", "vendor", "arm", "fold", "training_seed", "generator_seed",
                           "metric", "definition", "structure", "phase", "status", "unit", "direction"],
                          dropna=False)["value"].mean().reset_index()  # fmt: skip
    by_hand = compare_arms(
        make_table(whole.assign(subject=whole["patient"]).to_dict("records")), ARMS, SETTINGS
    )
    numbers = ["value", "n", "ci_low", "ci_high", "boot_low", "boot_high", "p_wilcoxon"]
    for metric, arm, versus in (("dice_mean", "plus", None), ("dice_difference", "plus", "real")):
        expected = one(by_hand, metric, arm, versus)[numbers].astype(float)
        assert one(rows, metric, arm, versus)[numbers].astype(float).to_list() == pytest.approx(
            expected.to_list(), nan_ok=True
        )
    assert one(rows, "dice_mean", "plus")["n"] == 12


def test_all_folds_count_where_a_patient_is_tested_in_each():
    def effect(arm, role, fold):
        return {0: -0.05}.get(fold, 0.05) if arm == "plus" else 0.0

    rows = compare_arms(study(effect, folds=4, noise=0.001), ARMS, SETTINGS)
    row = one(rows, "dice_difference", "plus", "plus-repeated")
    assert row["value"] == pytest.approx(0.025, abs=1e-3) and row["generator_trainings"] == 4
    # Four folds of which one contradicts the others: t with 3 degrees of freedom.
    low, high = stats.ttest_1samp([-0.05, 0.05, 0.05, 0.05], 0).confidence_interval(0.95)
    assert row["ci_low"] == pytest.approx(low, abs=5e-3) and row["ci_high"] == pytest.approx(high, abs=5e-3)
    assert row["boot_low"] <= row["value"] <= row["boot_high"]


@pytest.mark.parametrize("seed", range(8))
def test_invariants_of_random_studies(seed):
    rng = np.random.default_rng(seed)
    folds, seeds = int(rng.integers(1, 6)), int(rng.integers(1, 4))
    shifts = {(arm.name, fold): 0.05 * rng.normal() for arm in ARMS for fold in range(folds)}
    table = study(
        lambda arm, role, fold: shifts[arm, fold],
        patients=int(rng.integers(6, 20)),
        within=2 * folds,
        folds=folds,
        seeds=seeds,
        visits=int(rng.integers(1, 3)),
        seed=seed,
    )
    table = table[rng.random(len(table)) > 0.1]  # some values are missing
    lost = (table["arm"] == "plus") & (table["training_seed"] == 0) & (table["fold"] == 0)
    if seed % 2 and seeds > 1:  # a training scored no internal test patient, or no patient at all
        lost &= (table["role"] == "test_within") | (seed % 4 == 1)
        table = table[~lost]
    rows = compare_arms(table, ARMS, SETTINGS)
    for metric in ("dice_mean", "dice_difference"):
        known = rows[(rows["metric"] == metric) & (rows["status"] == "ok")]
        assert len(known) > 5
        assert (known["boot_low"] <= known["value"]).all() and (known["value"] <= known["boot_high"]).all()
        assert (known["ci_low"] <= known["value"]).all() and (known["value"] <= known["ci_high"]).all()
    means = rows[(rows["metric"] == "dice_mean") & rows["role"].isna() & rows["vendor"].isna()]
    best = means.loc[means["value"].astype(float).idxmax(), "arm"]
    assert one(rows, "dice_rank", best)["value"] < len(ARMS)
    assert not (rows["p_value"] == 0).any()


def test_no_p_value_is_zero_where_nothing_varies():
    table = study(lambda arm, *_: 0.05 if arm == "plus" else 0.0, patients=2, within=0, noise=0.0)
    table["value"] = np.where(table["arm"] == "plus", 0.75, 0.5)
    row = one(compare_arms(table, ARMS, SETTINGS), "dice_difference", "plus", "plus-repeated")
    assert row["p_value"] == 0.5  # of two patients' sign flips
