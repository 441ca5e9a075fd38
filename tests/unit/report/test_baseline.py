"""Baseline: one line a patient, means over trainings first; vendors, diagnoses and worst patients."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from report_study import make_study

from synthaug.config.arms import Arm, ArmSettings, resolve_arms
from synthaug.config.report import ReportSettings
from synthaug.report.baseline import ABSOLUTE, measure_baseline
from synthaug.report.domains import count_test_patients
from synthaug.report.gather import gather_content
from synthaug.report.render import render
from synthaug.report.sections.clinical_errors import patient_errors
from synthaug.tables import make_table

REAL = list(resolve_arms({"real": ArmSettings()}).values())


def row(metric: str, subject: str, value: float, seed: int = 0, **more: object) -> dict:
    about = {"metric": metric, "definition": "v1", "status": "ok", "arm": "real", "fold": 0}
    return {**about, "subject": subject, "value": value, "training_seed": seed, "vendor": "A", **more}


def test_trainings_are_averaged_before_places_and_places_before_patients():
    rows = [
        row("dice", "p1", 0.4, 0, structure="LV"),
        row("dice", "p1", 0.6, 1, structure="LV"),
        row("dice", "p1", 0.9, 0, structure="RV"),
        row("dice", "p2", 0.1, 0, structure="LV"),
    ]
    found = measure_baseline(make_table(rows), REAL)
    # p1: (mean(0.4, 0.6) + 0.9) / 2 = 0.7; p2: 0.1.
    assert found.patients["dice"].to_dict() == pytest.approx({"p1": 0.7, "p2": 0.1})
    assert found.patients["trainings"].to_dict() == {"p1": 2, "p2": 1}
    assert (found.mean("dice").value, found.mean("dice").n) == (pytest.approx(0.4), 2)
    assert found.mean("hd95") is None


def test_opposite_ef_errors_have_no_bias_but_an_absolute_error_and_the_right_ventricle_does_not_count():
    rows = [
        row("ef_error", "p1", -10.0, 0, structure="LV"),
        row("ef_error", "p1", 10.0, 1, structure="LV"),
        row("ef_error", "p1", 99.0, 0, structure="RV"),
    ]
    found = measure_baseline(make_table(rows), REAL)
    assert found.mean("ef_error").value == 0 and found.mean(ABSOLUTE).value == 10


def test_visits_of_a_patient_are_averaged():
    rows = [
        row("dice", "p1-first", 0.4, structure="LV", patient="p1"),
        row("dice", "p1-second", 0.8, structure="LV", patient="p1"),
        row("dice", "p2", 0.9, structure="LV"),
    ]
    found = measure_baseline(make_table(rows), REAL)
    assert (found.mean("dice").value, found.mean("dice").n) == (pytest.approx(0.75), 2)
    assert found.patients["trainings"].to_dict() == {"p1": 1, "p2": 1}


def test_the_baseline_is_the_arm_with_the_most_real_patients_and_no_control():
    arms = [Arm("half", 0.5, None, 0.0), Arm("real", 1.0, None, 0.0), Arm("synthetic", 0.0, "cascade", 1.0)]
    assert measure_baseline(make_table([]), arms).arm == "real"
    assert measure_baseline(make_table([]), arms[2:]) is None


def test_rows_without_a_value_and_of_other_arms_do_not_count():
    rows = [
        {**row("dice", "p1", 0.4), "value": None, "status": "failed"},
        row("dice", "p2", 0.8, arm="other"),
    ]
    assert measure_baseline(make_table(rows), REAL).patients.empty


def test_test_patients_of_seen_and_unseen_vendors_are_counted_by_fold(tmp_path):
    for fold, training in ((0, "A"), (1, "B")):
        split = pd.DataFrame(
            {
                "subject": ["a", "b-first", "b-second", "c"],
                "patient": ["a", "b", "b", "c"],  # two visits are one patient
                "vendor": [training, "A", "A", None],
                "role": ["train", "test", "test", "test"],
            }
        )
        split.to_csv(tmp_path / f"{fold}.tsv", sep="\t", index=False)
    first = count_test_patients({0: tmp_path / "0.tsv"})
    assert (first.seen, first.unseen) == (1, 0)
    both = count_test_patients({fold: tmp_path / f"{fold}.tsv" for fold in (0, 1)})
    assert (both.seen, both.unseen, both.total) == (1, 1, 2)
    assert count_test_patients({}) is None


def test_the_page_has_vendors_diagnoses_worst_patients_and_the_ceiling(tmp_path):
    gather_content(make_study(tmp_path), ReportSettings(cine_pairs=0), tmp_path / "content")
    sections = json.loads((tmp_path / "content" / "content.json").read_text())["sections"]
    content = next(section["content"] for section in sections if section["name"] == "baseline")
    groups = content["groups"]["rows"]
    assert [line[:3] for line in groups] == [
        ["all", "all", 8],
        ["vendor", "A", 4],
        ["vendor", "B", 4],
        ["diagnosis", "DCM", 3],
        ["diagnosis", "HCM", 2],
        ["diagnosis", "NOR", 3],
    ]
    # HD95 of patients 0 to 7 is 5, 5.5, ..., 8.5 mm; vendor A has those of even number.
    assert [line[5]["number"] for line in groups[:3]] == [6.75, 6.5, 7.0]
    assert groups[0][4]["number"] == pytest.approx(0.985)
    assert content["on_grid"] == "Dice 0.875, HD95 6.2 mm (n = 8)"
    worst = [line[3]["number"] for line in content["worst"]["rows"]]
    assert len(worst) == 8 and worst == sorted(worst)
    assert content["worst"]["rows"][0][0].startswith("acdc-")
    render(tmp_path / "content", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Test patients with the lowest Dice" in page and "Dice, at most on this grid" in page


def test_errors_of_a_patient_are_averaged_over_trainings_before_they_are_drawn():
    rows = [
        row("ef_error", "p1", -4.0, 0, structure="LV"),
        row("ef_error", "p1", 10.0, 1, structure="LV"),
        row("ef_error", "p2", 5.0, 0, structure="LV"),
        row("ef_error", "p2", 7.0, 0, structure="LV", arm="other"),
        row("dice", "p1", 0.5, 0, structure="LV"),
        {**row("ef_error", "p3", 0.0, structure="LV"), "value": None, "status": "failed"},
    ]
    found = patient_errors(make_table(rows)).set_index(["arm", "patient"])["value"]
    assert found.to_dict() == {("real", "p1"): 3.0, ("real", "p2"): 5.0, ("other", "p2"): 7.0}
