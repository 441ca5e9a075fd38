"""Recovery of requested classes: facts that can be counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthaug.config.evaluation import EvaluationSettings
from synthaug.core.artifacts import write_json, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.measures.measurement import Measurement
from synthaug.measures.recovery import (
    EF_CATEGORY,
    FOREST,
    NETWORK,
    REAL,
    Recognised,
    leave_recovery_out,
    measure_diagnosis_recovery,
    measure_ef_recovery,
    recognised_diagnoses,
    recognised_ef,
    recovery_rows,
)
from synthaug.phenotypes.ef_category import ef_category

MEASUREMENT = Measurement(
    {"generator": "g", "fold": 0, "generator_seed": 0}, EvaluationSettings(replicates=200, seed=3)
)


def cohort_of(diagnoses: list[str | None], name: str = "s", **columns: Any) -> Cohort:
    """A cohort of which nothing is looked at but its table."""
    subjects = [f"{name}-{number}" for number in range(len(diagnoses))]
    table = pd.DataFrame({"subject": subjects, "diagnosis": diagnoses, **columns}).set_index(
        "subject", drop=False
    )
    return Cohort(name, "synthetic", table, {}, {})


def predictions(
    folder: Path,
    cohort: Cohort,
    found: list[str],
    classes: dict[str, list[str]] | None = None,
    seen: tuple = (),
) -> Path:
    """What a classifier says of a cohort, sure of itself."""
    classes = {"NOR": ["NOR"], "DCM": ["DCM"]} if classes is None else classes
    folder.mkdir(parents=True)
    table = pd.DataFrame({name: [float(one == name) for one in found] for name in classes})
    table.insert(0, "subject", cohort.subjects)
    write_tsv(folder / "predictions.tsv", table)
    about = {"classes": classes, "classes_declared": len(classes) != 2, "seen": list(seen)}
    write_json(folder / "predictions.json", about)
    return folder


def by_metric(rows: list[dict[str, Any]] | pd.DataFrame) -> pd.Series:
    """Values of the rows over all classes."""
    table = pd.DataFrame(rows).reindex(columns=["metric", "value", "diagnosis", "target"])
    return table[table["diagnosis"].isna() & table["target"].isna()].set_index("metric")["value"]


def test_accuracy_recall_chance_and_confusion_by_hand() -> None:
    # Of 6 NOR 5 are found, of 2 DCM 1: accuracy 6/8, balanced (5/6 + 1/2) / 2 = 2/3; one answer for all: 6/8.
    asked = np.array(["NOR"] * 6 + ["DCM"] * 2, object)
    found = np.array(["NOR"] * 5 + ["DCM"] + ["DCM", "NOR"], object)
    rows = recovery_rows(
        NETWORK, Recognised(asked, found, np.arange(8).astype(str), ["NOR", "DCM"]), MEASUREMENT
    )
    values = by_metric(rows)
    assert values["diagnosis_recovery"] == 0.75 and values["diagnosis_recovery_chance"] == 0.75
    assert values["diagnosis_recovery_balanced"] == pytest.approx(2 / 3)
    assert values["diagnosis_recovery_balanced_chance"] == 0.5
    recall = {row["diagnosis"]: row for row in rows if row["metric"] == NETWORK and row.get("diagnosis")}
    assert recall["NOR"]["value"] == pytest.approx(5 / 6) and recall["NOR"]["n"] == 6
    confusion = {
        (row["diagnosis"], row["target"]): row["value"]
        for row in rows
        if row["metric"] == "diagnosis_recovered_as"
    }
    assert confusion[("DCM", "NOR")] == confusion[("DCM", "DCM")] == 0.5
    assert confusion[("NOR", "DCM")] == pytest.approx(1 / 6)
    overall = next(row for row in rows if row["metric"] == NETWORK)
    assert overall["ci_low"] < 0.75 < overall["ci_high"] and overall["n"] == 8


def test_visits_of_a_patient_are_averaged_and_counted_once() -> None:
    # Patient a: one of two visits right; b: right. Mean over patients 3/4, not 2/3.
    recognised = Recognised(
        np.array(["NOR", "NOR", "NOR"], object),
        np.array(["NOR", "DCM", "NOR"], object),
        np.array(["a", "a", "b"], object),
        ["NOR", "DCM"],
    )
    rows = recovery_rows(FOREST, recognised, MEASUREMENT, REAL)
    (overall,) = [
        row for row in rows if row["metric"] == "diagnosis_recovery_forest_real" and "diagnosis" not in row
    ]
    assert overall["value"] == 0.75 and overall["n"] == 2
    (balanced,) = [row for row in rows if row["metric"] == "diagnosis_recovery_forest_balanced_real"]
    assert balanced["status"] == "not_measured" and "one class only" in balanced["note"]
    assert not any("chance" in row["metric"] for row in rows)


def test_all_right_has_an_interval_without_width_and_says_so() -> None:
    both = np.array(["NOR", "DCM"] * 5, object)
    rows = recovery_rows(
        NETWORK, Recognised(both, both, np.arange(10).astype(str), ["NOR", "DCM"]), MEASUREMENT
    )
    assert rows[0]["value"] == rows[0]["ci_low"] == 1.0 and "no width" in rows[0]["note"]


def test_a_balanced_accuracy_with_a_class_of_one_subject_has_no_interval() -> None:
    # NOR 3 of 4, DCM 1 of 1: (0.75 + 1) / 2; how many of DCM would be found one subject does not say.
    asked = np.array(["NOR"] * 4 + ["DCM"], object)
    found = np.array(["NOR"] * 3 + ["DCM"] * 2, object)
    rows = recovery_rows(
        NETWORK, Recognised(asked, found, np.arange(5).astype(str), ["NOR", "DCM"]), MEASUREMENT
    )
    (balanced,) = [row for row in rows if row["metric"] == "diagnosis_recovery_balanced"]
    assert balanced["value"] == 0.875 and balanced["n"] == 5 and "ci_low" not in balanced
    assert balanced["note"] == "no interval: one subject of DCM"


def test_subjects_of_no_declared_class_are_left_out_and_counted(tmp_path: Path) -> None:
    classes = {"normal": ["NOR"], "ill": ["DCM", "HCM"], "right": ["RV"]}
    cohort = cohort_of(["NOR", "HCM", None, "MINF"])
    folder = predictions(tmp_path / "p", cohort, ["normal", "ill", "ill", "ill"], classes)
    found = recognised_diagnoses(folder, cohort)
    assert list(found.asked) == ["normal", "ill"] == list(found.found)
    assert found.note == "2 subjects of no known class are left out"


def test_a_diagnosis_that_nobody_trained_on_is_wrong_where_no_class_was_declared(tmp_path: Path) -> None:
    cohort = cohort_of(["NOR", "HCM"])
    found = recognised_diagnoses(predictions(tmp_path / "p", cohort, ["NOR", "DCM"]), cohort)
    assert list(found.asked) == ["NOR", "HCM"]
    assert by_metric(recovery_rows(NETWORK, found, MEASUREMENT))["diagnosis_recovery"] == 0.5


def recovered(tmp_path: Path, meta: dict[str, Any], seen: tuple[str, ...] = ()) -> pd.DataFrame:
    made, tested = cohort_of(["NOR", "DCM"] * 4), cohort_of(["NOR", "DCM"] * 3, "real")
    made.meta.update(meta)
    return measure_diagnosis_recovery(
        NETWORK,
        made,
        predictions(tmp_path / "made", made, ["NOR", "DCM"] * 4, seen=seen),
        tested,
        pd.DataFrame({"subject": tested.subjects, "patient": list("aabcde"), "role": "test"}),
        predictions(tmp_path / "real", tested, ["NOR"] * 6, seen=seen),
        MEASUREMENT,
    )


@pytest.mark.parametrize(
    ("meta", "why"),
    [
        ({}, None),
        ({"conditions": ["diagnosis"]}, None),
        ({"conditions": ["sentence"]}, None),
        ({"conditions": ["n_slices"]}, "not conditioned on the diagnosis"),
        ({"real_dataset": "acdc", "seen": ["p1"]}, "real patients whom the classifier was trained on"),
        ({"real_dataset": "other", "seen": []}, None),
    ],
)
def test_recovery_is_measured_where_a_diagnosis_was_requested_of_the_generator(
    tmp_path: Path, meta: dict[str, Any], why: str | None
) -> None:
    rows = recovered(tmp_path, meta, ("p1", "p2")).set_index("metric")
    own = rows.loc[["diagnosis_recovery", "diagnosis_recovery_balanced"]]
    assert set(own["status"]) == ({"ok"} if why is None else {"not_measured"})
    assert why is None or own["note"].str.contains(why).all()
    # Real patients are the upper reference in any case.
    assert rows.loc["diagnosis_recovery_balanced_real", "value"] == 0.5


def test_a_classifier_that_saw_a_tested_patient_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SynthaugError, match="was trained on real-1, tested in this fold"):
        recovered(tmp_path, {}, ("real-1",))


def test_ef_categories_at_their_limits() -> None:
    categories = ef_category(np.array([12.0, 40.0, 40.5, 49.9, 50.0, 70.0, np.nan]))
    assert list(categories) == ["reduced"] * 2 + ["mildly reduced"] * 2 + ["normal"] * 2 + [""]


def test_the_ef_category_follows_from_requested_volumes() -> None:
    # Requested EF: 60, 60, 30, 45 %; measured 55, 48, 20, 41 %: three of four categories right.
    edv_ml, esv_ml = [100.0] * 4, [40.0, 40.0, 70.0, 55.0]
    made = cohort_of(["NOR"] * 4, requested_lv_edv_ml=edv_ml, requested_lv_esv_ml=esv_ml)
    real = cohort_of(["NOR"] * 2, "real", lv_edv_ml=[100.0, np.nan], lv_esv_ml=[30.0, np.nan])
    measured = pd.DataFrame({"subject": made.subjects, "lv_ef": [55.0, 48.0, 20.0, 41.0]})
    of_real = pd.DataFrame({"subject": real.subjects, "lv_ef": [65.0, 10.0]})
    rows = measure_ef_recovery(made, measured, real, real.subjects, of_real, MEASUREMENT)
    values = by_metric(rows)
    assert values["ef_category_recovery"] == 0.75 and values["ef_category_recovery_chance"] == 0.5
    assert values["ef_category_recovery_balanced"] == pytest.approx((0.5 + 1 + 1) / 3)
    assert values["ef_category_recovery_real"] == 1.0
    recall = rows[(rows["metric"] == EF_CATEGORY) & rows["target"].notna()].set_index("target")["value"]
    assert recall.to_dict() == {"reduced": 1.0, "mildly reduced": 1.0, "normal": 0.5}
    made.meta["conditions"] = ["lv_edv_ml"]
    rows = measure_ef_recovery(made, measured, real, real.subjects, of_real, MEASUREMENT).set_index("metric")
    assert (
        rows.loc["ef_category_recovery", "note"]
        == "the generator is not conditioned on the ejection fraction"
    )
    made.meta["conditions"] = ["lv_edv_ml", "lv_esv_ml"]
    assert (
        by_metric(measure_ef_recovery(made, measured, real, real.subjects, of_real, MEASUREMENT))[EF_CATEGORY]
        == 0.75
    )


def test_unknown_values_have_no_category() -> None:
    found = recognised_ef([60.0, np.nan, 30.0], [55.0, 55.0, np.nan])
    assert list(found.asked) == list(found.found) == ["normal"]
    (row, balanced) = recovery_rows(EF_CATEGORY, recognised_ef([np.nan], [50.0]), MEASUREMENT)
    assert row["status"] == balanced["status"] == "not_measured" and row["n"] == 0


def test_visits_of_a_patient_count_as_one_patient() -> None:
    """One wrong visit of p1, nine right ones of p2: half of the patients are recognised, not nine tenths."""
    asked, found = [60.0] + [60.0] * 9, [40.0] + [60.0] * 9
    rows = recovery_rows(
        EF_CATEGORY, recognised_ef(asked, found, ["p1"] + ["p2"] * 9), MEASUREMENT, of="_real"
    )
    assert (rows[0]["value"], rows[0]["n"]) == (0.5, 2)


def test_a_study_without_a_classification_says_so() -> None:
    rows = leave_recovery_out(FOREST, "the study has no such task", MEASUREMENT)
    assert set(rows["status"]) == {"not_measured"} and len(rows) == 4
    assert set(rows["note"]) == {"the study has no such task"}
