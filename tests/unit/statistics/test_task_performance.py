"""Statistics of classification and regression per arm, on values that can be counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, r2_score, roc_auc_score

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import write_tsv
from synthaug.metric_registry import columns_of
from synthaug.statistics.classification_performance import classification_performance
from synthaug.statistics.regression_performance import regression_performance
from synthaug.tables import make_table
from synthaug.tables.schema import read_rows

REAL, PLUS = Arm("real", 1.0, None, 0.0), Arm("plus", 1.0, "g", 1.0)
SETTINGS = EvaluationSettings(replicates=400, mixed_model=False)


def row(metric: str, value: float, subject: str, **columns: Any) -> dict[str, Any]:
    about = {"arm": "real", "fold": 0, "training_seed": 0, "subject": subject, "vendor": "A", "role": "test"}
    return {**columns_of(metric), "status": "ok", "value": value, **about, **columns}


def classified(
    truth: dict[str, str], probabilities: dict[str, dict[str, float]], **columns: Any
) -> list[dict[str, Any]]:
    """Rows of subjects by their class and the probabilities of the classes."""
    rows = []
    for subject, own in probabilities.items():
        right = max(own, key=lambda name: own[name]) == truth[subject]
        rows.append(row("accuracy", float(right), subject, diagnosis=truth[subject], **columns))
        rows += [
            row(
                "class_probability",
                value,
                subject,
                target=name,
                **{"diagnosis": truth[subject], **columns},
            )
            for name, value in own.items()
        ]
    return rows


def three_classes(
    seed: int, n: int = 45, **columns: Any
) -> tuple[list[dict[str, Any]], np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    names = ["NOR", "DCM", "HCM"]
    true = np.arange(n) % 3
    values = random.dirichlet([1, 1, 1], n) + 0.4 * np.eye(3)[true]
    values /= values.sum(axis=1, keepdims=True)
    truth = {f"p{i:02d}": names[k] for i, k in enumerate(true)}
    rows = classified(
        truth, {s: dict(zip(names, values[i], strict=True)) for i, s in enumerate(truth)}, **columns
    )
    return rows, true, values


def pick(rows: pd.DataFrame, metric: str, target: str | None = None, arm: str = "real") -> pd.Series:
    chosen = (rows["metric"] == metric) & (rows["arm"] == arm)
    chosen &= rows["target"].isna() if target is None else rows["target"] == target
    (found,) = (line for _, line in rows[chosen].iterrows())
    return found


def test_statistics_are_those_of_scikit_learn(tmp_path: Path) -> None:
    scores, true, values = three_classes(0)
    found = classification_performance(make_table(scores), [REAL], SETTINGS)
    areas = [roc_auc_score(true == k, values[:, k]) for k in range(3)]
    for name, area in zip(("NOR", "DCM", "HCM"), areas, strict=True):
        own = pick(found, "auc", name)
        assert own["value"] == pytest.approx(area) and own["n"] == 45
        assert own["ci_low"] < area < own["ci_high"]
    macro = pick(found, "auc")
    assert macro["value"] == pytest.approx(np.mean(areas))
    assert macro["ci_low"] < macro["value"] < macro["ci_high"]
    expected = balanced_accuracy_score(true, values.argmax(axis=1))
    assert pick(found, "balanced_accuracy")["value"] == pytest.approx(expected)
    confusion = found[found["metric"] == "confusion"]
    assert len(confusion) == 9 and set(confusion["n"]) == {15}
    assert confusion.groupby("diagnosis")["value"].sum().to_numpy() == pytest.approx(np.ones(3))
    right = confusion.loc[confusion["diagnosis"] == confusion["target"], "value"]
    assert right.mean() == pytest.approx(expected)
    write_tsv(tmp_path / "rows.tsv", found)
    assert len(read_rows(tmp_path / "rows.tsv")) == len(found)


def test_trainings_are_averaged_and_visits_count_once() -> None:
    """Patient a has two visits: one right, one wrong in the first training, both right in the second: 3/4."""
    truth = {"a1": "NOR", "a2": "NOR", "b": "DCM"}
    first = classified(
        truth,
        {
            "a1": {"NOR": 0.9, "DCM": 0.1},
            "a2": {"NOR": 0.2, "DCM": 0.8},
            "b": {"NOR": 0.3, "DCM": 0.7},
        },
    )
    second = classified(truth, {s: {k: float(k == truth[s]) for k in ("NOR", "DCM")} for s in truth})
    rows = [*first, *({**line, "training_seed": 1} for line in second)]
    for line in rows:
        line["patient"] = line["subject"][0]
    found = classification_performance(make_table(rows), [REAL], SETTINGS)
    assert pick(found, "balanced_accuracy")["value"] == pytest.approx((0.75 + 1) / 2)
    assert pick(found, "balanced_accuracy")["n"] == 2
    wrong = found[
        (found["metric"] == "confusion") & (found["diagnosis"] == "NOR") & (found["target"] == "DCM")
    ]
    assert wrong["value"].tolist() == [0.25] and wrong["n"].tolist() == [1]
    assert pick(found, "auc", "NOR")["status"] == "not_measured"
    assert "1 patients of the class and 1 others" in pick(found, "auc", "NOR")["note"]


def test_one_class_is_not_measured_and_an_absent_arm_says_so() -> None:
    truth = {"a": "NOR", "b": "NOR"}
    rows = classified(truth, {s: {"NOR": 0.6, "DCM": 0.4} for s in truth})
    found = classification_performance(make_table(rows), [REAL, PLUS], SETTINGS)
    for metric in ("balanced_accuracy", "auc"):
        for arm, n in (("real", 2), ("plus", 0)):
            own = pick(found, metric, arm=arm)
            assert own["status"] == "not_measured" and own["n"] == n and "at least 2 classes" in own["note"]


def test_a_class_of_one_patient_has_no_interval() -> None:
    truth = {"a": "NOR", "b": "NOR", "c": "DCM"}
    sure = {s: {k: float(k == v) for k in ("NOR", "DCM")} for s, v in truth.items()}
    found = classification_performance(make_table(classified(truth, sure)), [REAL], SETTINGS)
    confusion = found[(found["metric"] == "confusion") & (found["target"] == "DCM")].set_index("diagnosis")
    assert confusion.loc["DCM", "value"] == 1 and pd.isna(confusion.loc["DCM", "ci_low"])
    assert confusion.loc["NOR", "ci_high"] == 0 and "no width" in confusion.loc["NOR", "note"]
    balanced = pick(found, "balanced_accuracy")
    assert balanced["value"] == 1 and pd.isna(balanced["ci_low"]) and pd.isna(balanced["ci_high"])
    assert balanced["note"] == "no interval: one patient of DCM"


def test_an_interval_without_width_says_so() -> None:
    truth = {"a": "NOR", "b": "NOR", "c": "DCM", "d": "DCM"}
    sure = {s: {k: float(k == v) for k in ("NOR", "DCM")} for s, v in truth.items()}
    found = classification_performance(make_table(classified(truth, sure)), [REAL], SETTINGS)
    for metric in ("balanced_accuracy", "auc"):
        own = pick(found, metric)
        assert (own["value"], own["ci_low"], own["ci_high"]) == (1, 1, 1) and "no width" in own["note"]
    # 1 - (0.1 + 0.1) / 0.5; of two patients every sample in which the reference varies has each once.
    two = regressed("lv_ef", np.array([1.0, 2.0]), np.array([1.1**0.5, 2 + 0.1**0.5]), "%")
    for row in two:
        row["value"] = {"phenotype_error": 0.1**0.5}.get(row["metric"], row["value"])
    r2 = pick(regression_performance(make_table(two), [REAL], SETTINGS), "r2", "lv_ef")
    assert (r2["value"], r2["ci_low"], r2["ci_high"]) == pytest.approx((0.6, 0.6, 0.6))
    assert "no width" in r2["note"]


def test_patients_of_an_unseen_class_count_as_wrong() -> None:
    truth = {"a": "NOR", "b": "NOR", "c": "DCM", "d": "DCM", "e": "HCM"}
    sure = {s: {k: float(k == v) for k in ("NOR", "DCM")} for s, v in truth.items()}
    sure["e"] = {"NOR": 0.5, "DCM": 0.5}
    found = classification_performance(make_table(classified(truth, sure)), [REAL], SETTINGS)
    own = pick(found, "balanced_accuracy")
    assert own["value"] == pytest.approx(2 / 3) and "1 patients of a class" in own["note"]
    assert pick(found, "auc", "NOR")["value"] == 1 and pick(found, "auc", "NOR")["n"] == 5


def test_internal_test_patients_stand_aside_where_others_are_tested() -> None:
    rows, *_ = three_classes(1, role="test_within")
    other, true, values = three_classes(2, n=30)
    for line in other:
        line["subject"] = f"x{line['subject']}"
    found = classification_performance(make_table([*rows, *other]), [REAL], SETTINGS)
    expected = balanced_accuracy_score(true, values.argmax(axis=1))
    assert pick(found, "balanced_accuracy")["value"] == pytest.approx(expected)


def test_nothing_of_other_tasks() -> None:
    dice = make_table([row("dice", 0.9, "a", structure="LV", phase="ED")])
    assert classification_performance(dice, [REAL], SETTINGS).empty
    assert regression_performance(dice, [REAL], SETTINGS).empty


def regressed(target: str, reference: np.ndarray, predicted: np.ndarray, unit: str, **columns: Any) -> list:
    rows = []
    for number, (true, value) in enumerate(zip(reference, predicted, strict=True)):
        about = {"target": target, "unit": unit, **columns}
        rows.append(row("phenotype_error", value - true, f"p{number:02d}", **about))
        rows.append(row("reference_phenotype", true, f"p{number:02d}", **about))
        rows.append(row("predicted_phenotype", value, f"p{number:02d}", **about))
    return rows


def test_r2_and_mean_absolute_error(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    volume, mass = random.normal(150, 30, 40), random.normal(120, 20, 40)
    predicted = volume + random.normal(0, 10, 40), mass + random.normal(0, 15, 40)
    rows = regressed("lv_edv_ml", volume, predicted[0], "mL") + regressed(
        "myo_mass_g", mass, predicted[1], "g"
    )
    found = regression_performance(make_table(rows), [REAL], SETTINGS)
    expected = r2_score(volume, predicted[0]), r2_score(mass, predicted[1])
    for target, value in zip(("lv_edv_ml", "myo_mass_g"), expected, strict=True):
        own = pick(found, "r2", target)
        assert own["value"] == pytest.approx(value) and own["ci_low"] < value < own["ci_high"]
    assert pick(found, "r2")["value"] == pytest.approx(np.mean(expected)) and pick(found, "r2")["n"] == 40
    error = pick(found, "phenotype_error_mae", "lv_edv_ml")
    assert error["value"] == pytest.approx(np.abs(predicted[0] - volume).mean()) and error["unit"] == "mL"
    assert pick(found, "phenotype_error_mae", "myo_mass_g")["unit"] == "g"
    write_tsv(tmp_path / "rows.tsv", found)
    assert len(read_rows(tmp_path / "rows.tsv")) == len(found)


def test_squared_errors_of_trainings_are_averaged_over_all_folds() -> None:
    """References 0, 2, 4, 6 of two folds have 20 as squared deviations. Errors of 1 and 3 in two trainings: 5 each.

    1 - 4 * 5 / 20 = 0, although in each fold alone the reference hardly varies.
    """
    rows = []
    for fold, reference in ((0, [0.0, 2.0]), (1, [4.0, 6.0])):
        for seed, error in ((0, 1.0), (1, -3.0)):
            own = regressed("own", np.array(reference), np.array(reference) + error, "", fold=fold)
            rows += [{**line, "training_seed": seed, "subject": f"{fold}{line['subject']}"} for line in own]
    found = regression_performance(make_table(rows), [REAL], SETTINGS)
    assert pick(found, "r2", "own")["value"] == pytest.approx(0)
    assert pick(found, "phenotype_error_mae", "own")["value"] == pytest.approx(2)
    assert pick(found, "r2", "own")["n"] == 4


def test_one_patient_or_a_constant_reference_is_not_measured() -> None:
    one = regression_performance(
        make_table(regressed("own", np.array([1.0]), np.array([2.0]), "")), [REAL], SETTINGS
    )
    assert set(one["status"]) == {"not_measured"}
    same = np.full(5, 3.0)
    rows = regressed("own", same, same + np.arange(5), "") + regressed("other", np.arange(5.0), same, "")
    found = regression_performance(make_table(rows), [REAL], SETTINGS)
    assert (
        pick(found, "r2", "own")["status"] == "not_measured"
        and "does not vary" in pick(found, "r2", "own")["note"]
    )
    assert pick(found, "phenotype_error_mae", "own")["value"] == pytest.approx(2)
    assert pick(found, "r2")["note"].startswith("mean of 1 of 2 phenotypes")


@pytest.mark.parametrize(
    ("target", "unit", "fits"),
    [
        ("lv_edv_ml", "mL", True),
        ("lv_edv_ml", "g", False),
        ("lv_ef", "%", True),
        ("lv_ef", "percentage points", True),
        ("grip", "N", True),
    ],
)
def test_the_schema_asks_for_the_unit_of_the_target(
    target: str, unit: str, fits: bool, tmp_path: Path
) -> None:
    table = make_table([row("phenotype_error", 1.0, "a", target=target, unit=unit)])
    write_tsv(tmp_path / "rows.tsv", table)
    if fits:
        assert read_rows(tmp_path / "rows.tsv")["unit"].tolist() == [unit]
    else:
        with pytest.raises(Exception, match="its unit is not that of its definition"):
            read_rows(tmp_path / "rows.tsv")
