"""Agreement with the reference and failure rates, on values that can be counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import columns_of
from synthaug.metrics.agreement import bland_altman, pearson_correlation
from synthaug.metrics.percentile_bootstrap import NO_WIDTH
from synthaug.statistics.clinical_agreement import clinical_agreement
from synthaug.statistics.comparisons import compare_arms
from synthaug.statistics.failures import failure_rates
from synthaug.statistics.seed_disagreement import seed_disagreement
from synthaug.tables import make_table

REAL = Arm("real", True, None, 0.0)
SETTINGS = EvaluationSettings(replicates=200, mixed_model=False)


def row(metric: str, value: float, subject: str, seed: int = 0, **columns: object) -> dict[str, object]:
    about = {
        "arm": "real",
        "fold": 0,
        "training_seed": seed,
        "subject": subject,
        "structure": "LV",
        "vendor": "A",
    }
    return {**columns_of(metric), "status": "ok", "value": value, **about, **columns}


def of_errors(errors: dict[int, list[float]], reference: list[float]) -> pd.DataFrame:
    rows = []
    for seed, own in errors.items():
        for patient, (error, true) in enumerate(zip(own, reference, strict=True)):
            rows += [
                row("ef_error", error, f"p{patient}", seed),
                row("ef", true + error, f"p{patient}", seed),
            ]
    return make_table(rows)


def value(rows: pd.DataFrame, metric: str) -> pd.Series:
    return rows[rows["metric"] == metric].iloc[0]


def test_agreement_by_hand() -> None:
    rows = clinical_agreement(of_errors({0: [2.0, -2.0, 3.0, 1.0]}, [40, 50, 60, 70]), [REAL], SETTINGS)
    assert value(rows, "ef_error_mae")["value"] == pytest.approx(2)
    deviation = np.std([2, -2, 3, 1], ddof=1)
    assert value(rows, "ef_error_sd")["value"] == pytest.approx(deviation)
    assert value(rows, "ef_error_loa_low")["value"] == pytest.approx(1 - 1.96 * deviation)
    assert value(rows, "ef_error_loa_high")["value"] == pytest.approx(1 + 1.96 * deviation)
    agreement = bland_altman(np.array([42.0, 48, 63, 71]), np.array([40.0, 50, 60, 70]))
    assert value(rows, "ef_error_loa_low")["value"] == pytest.approx(agreement.lower)
    correlation = pearson_correlation(np.array([42.0, 48, 63, 71]), np.array([40.0, 50, 60, 70]))
    assert value(rows, "ef_error_r")["value"] == pytest.approx(correlation)
    assert set(rows["n"]) == {4} and set(rows["unit"]) == {"percentage points", "1"}
    assert (rows["ci_low"] <= rows["value"]).all() and (rows["value"] <= rows["ci_high"]).all()


def test_statistics_of_trainings_are_averaged_not_their_predictions() -> None:
    """Opposite errors of two trainings cancel in the mean prediction, not in the mean absolute error."""
    rows = clinical_agreement(
        of_errors({0: [5.0, 5.0, 5.0], 1: [-5.0, -5.0, -5.0]}, [40, 50, 60]), [REAL], SETTINGS
    )
    assert value(rows, "ef_error_mae")["value"] == pytest.approx(5)
    assert value(rows, "ef_error_sd")["value"] == pytest.approx(0)


def test_two_patients_and_values_that_do_not_vary() -> None:
    few = clinical_agreement(of_errors({0: [1.0, 2.0]}, [40, 50]), [REAL], SETTINGS)
    assert set(few["status"]) == {"not_measured"} and few["note"].str.contains("2 patients").all()
    same = clinical_agreement(of_errors({0: [1.0, 2.0, 3.0]}, [50, 50, 50]), [REAL], SETTINGS)
    assert value(same, "ef_error_r")["status"] == "not_measured"
    assert value(same, "ef_error_mae")["status"] == "ok"


def test_a_training_with_two_patients_gives_no_mean_of_correlations() -> None:
    """Five folds of two test patients: r of each is -1 or 1, and its SD is too small."""
    table = of_errors({0: [2.0, -2.0, 3.0, 1.0, 0.0, 5.0, 2.0, 1.0, -4.0, 2.0]}, list(range(40, 60, 2)))
    table["fold"] = [number // 4 for number in range(len(table))]
    rows = clinical_agreement(table, [REAL], SETTINGS)
    assert set(rows["status"]) == {"not_measured"} and set(rows["n"]) == {10}
    assert set(rows["note"]) == {"2 patients in a training; at least 3 are needed"}


def test_intervals_without_width_say_so_and_one_patient_has_none() -> None:
    table = make_table([row("dice", 0.9, f"p{number}", phase="ED") for number in range(12)])
    found = value(failure_rates(table, [REAL], SETTINGS), "dice_poor")
    assert (found["value"], found["ci_low"], found["ci_high"]) == (0, 0, 0) and found["note"] == NO_WIDTH
    alone = value(failure_rates(table[:1], [REAL], SETTINGS), "dice_poor")
    assert alone["n"] == 1 and pd.isna(alone["ci_low"])
    seeds = pd.concat([table[:1], table[:1].assign(training_seed=1, value=0.8)])
    spread = value(seed_disagreement(seeds, [REAL], SETTINGS), "dice_seed_sd")
    assert spread["value"] == pytest.approx(0.1 / np.sqrt(2)) and pd.isna(spread["ci_low"])
    assert spread["note"] == "exploratory"


def test_arms_are_not_compared_in_predicted_values() -> None:
    table = of_errors({0: [2.0, -2.0, 3.0, 1.0], 1: [1.0, -1.0, 2.0, 0.0]}, [40, 50, 60, 70])
    assert not compare_arms(table, [REAL], SETTINGS)["metric"].str.startswith("ef_mean").any()


def test_failures_are_counted_per_patient() -> None:
    missed = {"value": 0.0, "status": "missing_prediction", "note": "lacks it"}
    table = make_table(
        [
            row("dice", 0.9, "a", phase="ED"),
            row("dice", 0.6, "a", phase="ES"),
            row("dice", 0.9, "b", phase="ED"),
            row("dice", 0.0, "b", phase="ES") | missed,
        ]
    )
    rows = failure_rates(table, [REAL], SETTINGS)
    assert value(rows, "dice_poor")["value"] == pytest.approx(0.5)
    assert value(rows, "dice_missed")["value"] == pytest.approx(0.25)
    assert set(rows["n"]) == {2}


def test_disagreement_of_seeds_by_hand() -> None:
    # Patient a: .8 and .9 at ED (SD .0707), .7 twice at ES (0); patient b: .5 and .7 (SD .1414) in two visits.
    scored = [
        ("a", "ED", (0.8, 0.9)),
        ("a", "ES", (0.7, 0.7)),
        ("b-1", "ED", (0.4, 0.8)),
        ("b-2", "ED", (0.6, 0.6)),
    ]
    table = make_table(
        [
            row("dice", dice, subject, seed, phase=phase, patient=subject[0])
            for subject, phase, values in scored
            for seed, dice in enumerate(values)
        ]
    )
    found = value(seed_disagreement(table, [REAL], SETTINGS), "dice_seed_sd")
    assert found["value"] == pytest.approx((0.1 / np.sqrt(2) / 2 + 0.2 / np.sqrt(2)) / 2)
    assert found["n"] == 2 and found["ci_low"] <= found["value"] <= found["ci_high"]
    once = seed_disagreement(table[table["training_seed"] == 0], [REAL], SETTINGS)
    assert value(once, "dice_seed_sd")["status"] == "not_measured"
