"""The compact summary: arms in columns, generators in columns, cells that are rows."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest

from synthaug.metric_registry import columns_of
from synthaug.report.summary import summarise
from synthaug.report.summary_formats import latex_escaped, summary_files
from synthaug.tables import make_table


def mean(metric: str, arm: str, value: float | None, **more) -> dict:
    row = {
        **columns_of(metric, "_mean"),
        "arm": arm,
        "structure": "LV",
        "phase": "ED",
        "status": "ok",
        "n": 20,
    }
    return {**row, "value": value, **more}


def distance(generator: str, value: float, **more) -> dict:
    row = {**columns_of("fvd_t"), "generator": generator, "versus": "real train", "status": "ok", "n": 12}
    return {**row, "value": value, "ci_low": value - 1, "ci_high": value + 1, "floor": 2.0, **more}


@pytest.fixture
def rows() -> pd.DataFrame:
    return make_table(
        [
            mean("dice", "real", 0.9, ci_low=0.88, ci_high=0.92),
            mean("dice", "plus", 0.92, ci_low=0.9, ci_high=0.94),
            mean("hd95", "real", 6.0),
            mean("hd95", "plus", 5.0),
            mean("edv_error_ml", "real", -4.0, phase=None),
            mean("edv_error_ml", "plus", 2.0, phase=None),
            distance("cascade", 5.0, floor_sd=0.5),
            distance("single", 4.0),
            # Rows of one patient or one vendor are not in a summary.
            {**mean("dice", "real", 0.1), "vendor": "A"},
            {**columns_of("dice"), "status": "ok", "arm": "real", "subject": "p-1", "value": 0.3},
        ]
    )


def test_arms_and_generators_stand_in_columns(rows):
    arms, generators = summarise(rows)
    assert arms.columns == ["real", "plus"] and generators.columns == ["cascade", "single"]
    assert [(line.metric, line.place) for line in arms.lines] == [
        ("dice", "LV ED"),
        ("hd95", "LV ED"),
        ("edv_error_ml", "LV"),
    ]


def best(rows) -> dict[str, list[bool]]:
    return {
        line.metric: [cell.best for cell in line.cells] for table in summarise(rows) for line in table.lines
    }


def test_the_best_is_on_the_better_side_of_its_metric(rows):
    assert best(rows) == {
        "dice": [False, True],
        "hd95": [False, True],
        "edv_error_ml": [False, False],  # a signed error has no better side
        "fvd_t": [False, True],
    }


def test_what_looks_equal_is_equally_good():
    rows = [mean("dice", arm, value) for arm, value in {"a": 0.9001, "b": 0.9004, "c": 0.8}.items()]
    assert best(make_table(rows))["dice"] == [True, True, False]
    assert best(make_table(rows[:2]))["dice"] == [False, False]  # all are
    assert best(make_table(rows[:1]))["dice"] == [False]


def test_an_arm_that_failed_keeps_its_column_and_says_why(rows):
    failed = make_table([mean("dice", "broken", None, status="failed", note="out of memory")])
    text = summary_files(pd.concat([rows.astype(object), failed.astype(object)]))["summary.md"]
    lines = [line for line in text.splitlines() if line.startswith(("| metric", "| Dice"))]
    header, dice = lines[:2]
    assert header == "| metric | where | real | plus | broken | n |"
    assert dice == "| Dice ↑ | LV ED | 0.900 (0.880 to 0.920) | **0.920 (0.900 to 0.940)** | failed | 20 |"


def test_a_distance_shows_the_real_versus_real_distance(rows):
    text = summary_files(rows)["summary.md"]
    assert (
        "| FVD-T ↓ |  | 5.00 (4.00 to 6.00; real-versus-real 2.00 ± 0.50) | **4.00 (3.00 to 5.00; real-versus-real 2.00)** | 12 |"
        in text
    )


def test_each_task_has_a_table_of_its_own(rows):
    def of(task):
        return rows.assign(task=rows["task"].where(rows["arm"].isna(), task))

    other = of("second")
    other = other.assign(value=other["value"] - other["arm"].eq("real") * 0.1)
    first, second, _ = summarise(pd.concat([of("first"), other], ignore_index=True))
    assert (first.name, second.name) == ("arms of first", "arms of second")
    values = [[cell.estimate["value"] for cell in table.lines[0].cells] for table in (first, second)]
    assert values == [[0.9, 0.92], [pytest.approx(0.8), 0.92]]
    classified = make_table(
        [
            {**columns_of("accuracy", "_mean"), "task": "t", "arm": "real", "status": "ok", "value": 0.7},
            {**columns_of("auc"), "task": "t", "arm": "real", "target": "DCM", "status": "ok", "value": 0.9},
        ]
    )
    (table,) = summarise(classified)
    assert [line.metric for line in table.lines] == ["accuracy_mean"]


def test_the_mean_of_the_only_phenotype_is_in_the_table():
    of_arm = {"task": "t", "arm": "real", "status": "ok", "value": 0.7}
    ef = {**columns_of("absolute_error_sd", "_mean"), **of_arm, "target": "lv_ef"}
    (table,) = summarise(make_table([ef]))
    assert [(line.metric, line.place) for line in table.lines] == [("absolute_error_sd_mean", "lv_ef")]
    # Of several the mean over all alone.
    (table,) = summarise(make_table([ef, ef | {"target": "myo_mass_g"}, ef | {"target": None}]))
    assert len(table.lines) == 1 and "lv_ef" not in table.lines[0].place


def test_runs_that_differ_have_a_line_each():
    rows = make_table([distance("g", 5.0, fold=0), distance("g", 6.0, fold=1)])
    (table,) = summarise(rows)
    assert [line.place for line in table.lines] == ["fold 0", "fold 1"]


def test_the_csv_has_the_values_unrounded(rows):
    found = list(csv.DictReader(io.StringIO(summary_files(rows)["summary.csv"])))
    dice, distances = found[0], found[-1]
    assert (dice["table"], dice["metric"], dice["place"], dice["best"], dice["n"]) == (
        "arms",
        "dice",
        "LV ED",
        "plus",
        "20",
    )
    assert [float(dice[key]) for key in ("real", "real.low", "real.high")] == [0.9, 0.88, 0.92]
    assert dice["cascade"] == "" and "real.floor" not in dice
    assert (distances["single"], distances["single.floor"], distances["best"]) == ("4.0", "2.0", "single")


def test_latex_is_escaped_and_marks_the_best():
    rows = make_table([mean("hd95", "real_50%", 6.0), mean("hd95", "a&b", 5.0)])
    text = summary_files(rows)["summary.tex"]
    assert r"real\_50\% & a\&b" in text and r"95 \% Hausdorff distance (mm) $\downarrow$" in text
    assert r"\textbf{5.0}" in text and text.count(r"\textbf") == 1
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
    assert latex_escaped("\\{~") == r"\textbackslash{}\{\textasciitilde{}"


def test_without_rows_there_is_a_file_that_says_so():
    files = summary_files(make_table([]))
    assert "No mean and no distance" in files["summary.md"]
