"""Downstream tasks beside each other on the page."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pandas as pd
import pytest
from made_scores import ARMS, REAL, scores_of
from report_study import make_study

from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.report import ReportSettings
from synthaug.data.cohort import Cohort
from synthaug.metric_registry import columns_of
from synthaug.report.gather import gather_content
from synthaug.report.inputs import ReportInputs
from synthaug.report.render import render
from synthaug.report.rows import records
from synthaug.report.section import ReportData, with_tasks
from synthaug.report.sections import provenance, tasks
from synthaug.report.sections.verdict import verdict_content
from synthaug.statistics.tasks import ComparedTask, compare_tasks
from synthaug.tables import make_table

SETTINGS = EvaluationSettings(replicates=100, mixed_model=False)
STUDY = {"tasks": {"good": {"kind": "segmentation"}, "none": {}, "bare": {"arms": "real"}}}


@pytest.fixture(scope="module")
def data() -> ReportData:
    """A task that an arm helps, one that it does not, and one of real arms only."""
    scores = [scores_of("good", 0.1, 1), scores_of("none", 0.0, 2), scores_of("bare", 0.0, 3, [REAL])]
    compared = compare_tasks(
        pd.concat(scores, ignore_index=True),
        [
            ComparedTask("good", ("dice",), ARMS),
            ComparedTask("none", (), ARMS),
            ComparedTask("bare", (), [REAL]),
        ],
        SETTINGS,
    ).reset_index(drop=True)
    return with_tasks(
        ReportData(
            inputs=ReportInputs(Path(), STUDY, ARMS, {}),
            settings=ReportSettings(),
            table=compared,
            rows=records(compared),
            real=Cohort("none", "real", pd.DataFrame(), {}, {}),
            alpha=0.05,
            draw=lambda name, *_: {"file": f"{name}.svg"},
            assets=Path(),
            is_shown=lambda row: True,
        )
    )


def test_the_page_is_about_the_first_task(data):
    assert data.task == "good" and list(data.tasks) == ["good", "none", "bare"]
    assert {row["task"] for row in data.rows} == {"good"}


def test_a_task_of_real_patients_alone_is_not_what_the_page_is_about(data):
    tasks_of = {"bare": STUDY["tasks"]["bare"], "good": STUDY["tasks"]["good"]}
    turned = with_tasks(
        dataclasses.replace(
            data, inputs=dataclasses.replace(data.inputs, study={"tasks": tasks_of}), tasks={}, task=None
        )
    )
    assert turned.task == "good" and turned.segmentation.task == "bare"


def test_each_task_has_its_verdict(data):
    lines = tasks.tasks(data)["table"]["rows"]
    words = {(line[0], line[-1]["word"]) for line in lines}
    assert words == {("good", "helps"), ("none", "equivalent"), ("bare", "not measured")}


def test_figures_of_a_further_task_have_names_of_their_own(data):
    further = tasks.tasks(data)["further"]
    assert [task["name"] for task in further] == ["none", "bare"]
    assert all(panel["file"].startswith("none-") for panel in further[0]["arms"]["means"])


def test_a_study_of_two_tasks_is_rendered(tmp_path):
    inputs = make_study(tmp_path, cohort_size=2)
    study = {**inputs.study, "tasks": {"segmentation": {}, "again": {"kind": "segmentation"}}}
    gather_content(
        dataclasses.replace(inputs, study=study),
        ReportSettings(cine_pairs=0, volume_curves=0),
        tmp_path / "content",
    )
    render(tmp_path / "content", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    section = page[page.index('id="tasks"') : page.index("</section>", page.index("Training sets of again"))]
    assert re.search(r"again</span> \(segmentation\)", section) and "Doses of again" in section
    assert (tmp_path / "content" / "assets" / "again-forest-dice-LV.svg").is_file()


def test_the_provenance_counts_the_rows_of_all_tasks(data, tmp_path):
    (tmp_path / "SHA256SUMS").write_text("0123  rows.csv\n")
    view = dataclasses.replace(data, inputs=dataclasses.replace(data.inputs, tables=tmp_path))
    every = sum(len(own.table) for own in data.tasks.values())  # each row is about a task
    assert len(data.table) < every and provenance.provenance(view)["rows"] == every


@pytest.mark.parametrize(
    ("kind", "title", "by"),
    [
        ("segmentation", "Paired difference, all structures", "structure, phase and vendor"),
        ("regression", "Paired difference, all phenotypes", "phenotype and vendor"),
        ("classification", "Paired difference", "vendor"),
    ],
)
def test_a_verdict_is_on_what_its_task_has(data, kind, title, by):
    study = {"tasks": {"good": {"kind": kind}}}
    view = dataclasses.replace(data, inputs=dataclasses.replace(data.inputs, study=study))
    content = verdict_content(view)
    assert (content["forest_title"], content["broken_down_by"]) == (title, by)


def test_the_first_screen_of_a_classification_has_its_own_figures(data):
    """Accuracy and AUC of the real arm with their n; the AUC of one class is none of them."""
    shared = {"task": "diagnosis", "arm": REAL.name, "status": "ok", "n": 12}
    rows = make_table(
        [
            {**columns_of("accuracy", "_mean"), **shared, "value": 0.75},
            {**columns_of("auc"), **shared, "value": 0.5, "target": "DCM"},
            {**columns_of("auc"), **shared, "value": 0.875},
        ]
    )
    study = {"tasks": {"diagnosis": {"kind": "classification", "primary_metric": "accuracy"}}}
    view = with_tasks(
        dataclasses.replace(
            data,
            inputs=dataclasses.replace(data.inputs, study=study),
            table=rows,
            rows=records(rows),
            tasks={},
            task=None,
        )
    )
    found = verdict_content(view)["baseline"]
    assert found["arm"] == REAL.name
    assert [(figure["text"], figure["detail"]) for figure in found["figures"]] == [
        ("0.750", "n = 12 patients"),
        ("–", "not measured"),
        ("0.875", "n = 12 patients"),
    ]
