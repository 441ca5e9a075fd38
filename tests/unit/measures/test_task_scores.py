"""Scores of predicted classes and phenotypes, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from synthaug.core.artifacts import write_json, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.measures.classification_scores import score_classification
from synthaug.measures.measurement import Measurement
from synthaug.measures.regression_scores import score_regression

MEASUREMENT = Measurement({"arm": "real", "fold": 0})


def cohort(diagnoses: dict[str, str | None], phenotypes: dict[str, Any] | None = None) -> Cohort:
    subjects = list(diagnoses)
    table = pd.DataFrame(
        {
            "subject": subjects,
            "vendor": "A",
            "diagnosis": pd.array(list(diagnoses.values()), dtype="string"),
        },
    ).set_index("subject", drop=False)
    own = None if phenotypes is None else pd.DataFrame(phenotypes, index=subjects)
    return Cohort("c", "real", table, dict.fromkeys(subjects, Path("nowhere")), {}, own)


def folder(root: Path, predictions: dict[str, list[Any]], **described: Any) -> Path:
    write_tsv(root / "predictions.tsv", pd.DataFrame(predictions))
    write_json(root / "predictions.json", described)
    return root


def test_accuracy_and_brier_score(tmp_path: Path) -> None:
    """(0.7 - 1)^2 + 0.2^2 + 0.1^2 = 0.14; the wrong one 0.7^2 + (0.2 - 1)^2 + 0.1^2 = 1.14."""
    predictions = {"subject": ["a", "b"], "NOR": [0.7, 0.7], "DCM": [0.2, 0.2], "HCM": [0.1, 0.1]}
    classes = {name: [name] for name in ("NOR", "DCM", "HCM")}
    made = folder(tmp_path, predictions, classes=classes, classes_declared=False)
    rows = score_classification(made, cohort({"a": "NOR", "b": "DCM"}), MEASUREMENT)
    value = rows.set_index(["metric", "subject"])["value"]
    assert value["accuracy", "a"] == 1 and value["accuracy", "b"] == 0
    assert value["brier", "a"] == pytest.approx(0.14) and value["brier", "b"] == pytest.approx(1.14)
    probabilities = rows[(rows["metric"] == "class_probability") & (rows["subject"] == "b")]
    assert probabilities.set_index("target")["value"].to_dict() == {"NOR": 0.7, "DCM": 0.2, "HCM": 0.1}
    assert set(probabilities["diagnosis"]) == {"DCM"}


def test_a_class_no_training_patient_had_is_wrong(tmp_path: Path) -> None:
    """0.6^2 + 0.4^2 + 1 = 1.52."""
    classes = {name: [name] for name in ("NOR", "DCM")}
    predictions = {"subject": ["a", "b"], "NOR": [0.6, 1.0], "DCM": [0.4, 0.0]}
    made = folder(tmp_path, predictions, classes=classes, classes_declared=False)
    rows = score_classification(made, cohort({"a": "RV", "b": None}), MEASUREMENT)
    value = rows.set_index(["metric", "subject"])
    assert value.loc[("brier", "a"), "value"] == pytest.approx(1.52)
    assert value.loc[("accuracy", "a"), "value"] == 0
    assert value.loc[("accuracy", "a"), "note"] == "no training patient has the diagnosis RV: scored as wrong"
    assert value.loc[("accuracy", "b"), "status"] == "not_measured"
    assert value.loc[("accuracy", "b"), "note"] == "diagnosis unknown"


def test_diagnoses_outside_declared_classes_are_not_scored(tmp_path: Path) -> None:
    classes = {"normal": ["NOR"], "ill": ["DCM", "HCM"]}
    made = folder(
        tmp_path,
        {"subject": ["a", "b"], "normal": [0.1, 0.5], "ill": [0.9, 0.5]},
        classes=classes,
        classes_declared=True,
    )
    rows = score_classification(made, cohort({"a": "HCM", "b": "MINF"}), MEASUREMENT)
    own = rows.set_index(["metric", "subject"])
    assert own.loc[("accuracy", "a"), "value"] == 1 and own.loc[("accuracy", "a"), "diagnosis"] == "HCM"
    assert own.loc[("brier", "b"), "note"] == "diagnosis MINF is in no class"
    assert set(rows.loc[rows["metric"] == "class_probability", "diagnosis"]) == {"ill"}


def test_errors_of_phenotypes(tmp_path: Path) -> None:
    targets = {
        "lv_ef": {"mean": 60.0, "sd": 8.0, "unit": "%"},
        "grip": {"mean": 1.0, "sd": 0.5, "unit": ""},
    }
    made = folder(
        tmp_path, {"subject": ["a", "b"], "lv_ef": [50.0, 61.0], "grip": [2.0, 1.0]}, targets=targets
    )
    known = cohort({"a": "NOR", "b": None}, {"lv_ef": [54.0, None], "grip": [1.0, 1.0]})
    rows = score_regression(made, known, MEASUREMENT).set_index(["metric", "target", "subject"])
    assert rows.loc[("phenotype_error", "lv_ef", "a"), "value"] == -4
    assert rows.loc[("phenotype_error", "lv_ef", "a"), "unit"] == "percentage points"
    assert rows.loc[("absolute_error_sd", "lv_ef", "a"), "value"] == 0.5
    assert rows.loc[("absolute_error_sd", "grip", "a"), "value"] == 2
    assert rows.loc[("predicted_phenotype", "lv_ef", "b"), "value"] == 61
    for metric in ("phenotype_error", "absolute_error_sd", "reference_phenotype"):
        own = rows.loc[(metric, "lv_ef", "b")]
        assert own["status"] == "not_measured" and own["note"] == "reference lv_ef is unknown"


def test_what_is_missing_is_said_in_one_line(tmp_path: Path) -> None:
    targets = {"lv_ef": {"mean": 60.0, "sd": 8.0, "unit": "%"}}
    made = folder(tmp_path, {"subject": ["a"], "lv_ef": [50.0]}, targets=targets)
    with pytest.raises(SynthaugError, match="no prediction of subject b; predict again"):
        score_regression(made, cohort({"a": None, "b": None}, {"lv_ef": [1.0, 1.0]}), MEASUREMENT)
    with pytest.raises(SynthaugError, match="phenotypes were not given"):
        score_regression(made, cohort({"a": None}), MEASUREMENT)
    with pytest.raises(SynthaugError, match="no phenotype 'lv_ef' to score against"):
        score_regression(made, cohort({"a": None}, {"grip": [1.0]}), MEASUREMENT)
