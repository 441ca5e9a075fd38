"""Sections about diagnosis, phenotypes and models of phenotypes: what stands in their tables and figures."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from report_study import make_study

from synthaug.config.arms import Arm
from synthaug.config.report import ReportSettings
from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split
from synthaug.metric_registry import columns_of
from synthaug.report.files import FOLDER
from synthaug.report.inputs import ReportInputs
from synthaug.report.render import make_environment
from synthaug.report.rows import records
from synthaug.report.section import ReportData
from synthaug.report.sections import diagnosis, phenotype_regression, phenotype_sampling
from synthaug.tables import make_table

ARMS = [Arm("real", True, None, 0.0), Arm("plus", True, "g", 1.0)]


def data_of(rows: list[dict[str, Any]], drawn: dict[str, str] | None = None) -> ReportData:
    """Data of sections that look at nothing but rows; `drawn` receives the figures."""
    table = make_table({"status": "ok", **row} for row in rows)

    def draw(name: str, svg: str, title: str, alt: str) -> dict[str, str]:
        if drawn is not None:
            drawn[name] = svg
        return {"file": name, "title": title, "alt": alt}

    return ReportData(
        inputs=ReportInputs(Path(), {}, ARMS, {}),
        settings=ReportSettings(),
        table=table,
        rows=records(table[table["subject"].isna()]),
        real=Cohort("none", "real", pd.DataFrame(), {}, {}),
        alpha=0.05,
        draw=draw,
        assets=Path(),
        is_shown=lambda row: True,
    )


def test_a_confusion_matrix_has_its_shares_and_counts() -> None:
    shares = {("NOR", "NOR"): 0.75, ("NOR", "DCM"): 0.25, ("DCM", "NOR"): 0.0, ("DCM", "DCM"): 1.0}
    rows = [
        {**columns_of("confusion"), "arm": "real", "diagnosis": true, "target": said, "value": share, "n": 8}
        for (true, said), share in shares.items()
    ]
    rows += [
        {**columns_of("accuracy", "_mean"), "arm": arm, "value": value, "n": 16}
        for arm, value in (("real", 0.875), ("plus", 0.5))
    ]
    drawn: dict[str, str] = {}
    (task,) = diagnosis.diagnosis(data_of(rows, drawn))["tasks"]
    assert [line[1]["value"] for line in task["table"]["rows"]] == [0.875, 0.5]
    (panel,) = task["panels"]  # the other arm has no confusion among its rows
    assert panel["alt"].startswith("NOR predicted as NOR 75 %; NOR predicted as DCM 25 %")
    assert all(text in drawn["confusion-real"] for text in ("75 %", "100 %", "NOR (8)", "DCM (8)"))


def test_predicted_values_are_drawn_against_their_reference() -> None:
    rows = [
        {**columns_of("r2"), "arm": arm, "target": target, "value": 0.5, "n": 3}
        for arm in ("real", "plus")
        for target in (None, "lv_edv_ml")
    ]
    for subject, (predicted, reference) in {"a": (100, 110), "b": (150, 140), "c": (90, 95)}.items():
        about = {"arm": "real", "target": "lv_edv_ml", "subject": subject, "unit": "mL"}
        rows.append({**columns_of("predicted_phenotype"), **about, "value": predicted})
        rows.append({**columns_of("reference_phenotype"), **about, "value": reference})
    drawn: dict[str, str] = {}
    (task,) = phenotype_regression.phenotype_regression(data_of(rows, drawn))["tasks"]
    assert [target["title"] for target in task["targets"]] == ["LV EDV (mL)"]
    assert (
        list(drawn) == ["predicted-lv_edv_ml-real"]
        and "reference LV EDV (mL)" in drawn["predicted-lv_edv_ml-real"]
    )
    assert task["panels"][0]["alt"] == "3 patients, mean over trainings"
    assert task["panels"][0]["title"] == "LV EDV (mL): real, n = 3"


def test_a_model_of_phenotypes_has_its_distances_and_marginals() -> None:
    run = {"generator": "vae", "fold": 0, "generator_seed": 0, "versus": "real train", "n": 20}
    rows = [
        {**columns_of("phenotype_frechet"), **run, "value": 1.5, "floor": 1.0},
        {**columns_of("phenotype_mean_difference"), **run, "target": "lv_ef", "value": 0.2},
        {**columns_of("phenotype_wasserstein"), **run, "target": "lv_ef", "value": 0.3}
        | {"ci_low": 0.2, "ci_high": 0.4, "floor": 0.125},
    ]
    content = phenotype_sampling.phenotype_sampling(data_of(rows))
    assert [line[2] for line in content["table"]["rows"]] == ["Fréchet distance of phenotypes"]
    (line,) = content["models"][0]["table"]["rows"]
    assert line[0] == "LV EF (%)" and [cell["value"] for cell in line[3:]] == [0.2, 0.3]
    macros = make_environment(FOLDER).get_template("macros/tables.html.j2").module
    page = "".join(str(macros.table(table)) for table in (content["table"], content["models"][0]["table"]))
    text = " ".join(re.sub("<[^>]+>", "", page).split())
    # The interval in brackets is no floor; both are said.
    assert "0.300 (0.200 to 0.400) real-versus-real 0.125" in text and "1.500 real-versus-real 1.000" in text


def test_marginals_and_correlations_of_real_requested_and_measured_hearts(tmp_path: Path) -> None:
    inputs = make_study(tmp_path, cohort_size=8)
    real = Cohort.open_all(inputs.cohorts.values()).table
    training = read_split(inputs.splits[0]).query("role == 'train'")["subject"]
    columns = ["lv_edv_ml", "lv_esv_ml"]
    write_tsv(tmp_path / "phenotypes.tsv", real[["subject", *columns]].assign(missing=None))
    (made,) = inputs.synthetic
    measured = Cohort.open(made.cohort).table[["subject", *columns]]
    write_tsv(tmp_path / "measured.tsv", measured)
    inputs = dataclasses.replace(
        inputs,
        phenotypes=[tmp_path / "phenotypes.tsv"],
        synthetic=[dataclasses.replace(made, volumes=tmp_path / "measured.tsv")],
    )
    run = {"generator": "vae", "fold": 0, "generator_seed": 0, "versus": "real train"}
    rows = [{**columns_of("phenotype_wasserstein"), **run, "target": name, "value": 0.3} for name in columns]
    drawn: dict[str, str] = {}
    data = dataclasses.replace(data_of(rows, drawn), inputs=inputs)
    panels = {panel["file"]: panel for panel in phenotype_sampling.phenotype_sampling(data)["panels"]}
    expected = real.set_index("subject").loc[training, "lv_edv_ml"].astype(float)
    alt = panels["marginal-lv_edv_ml"]["alt"]
    assert f"real mean {expected.mean():.3g}, n {len(expected)}" in alt
    assert (
        "requested mean" in alt and f"measured mean {measured['lv_edv_ml'].astype(float).mean():.3g}" in alt
    )
    assert {"correlations-real", "correlations-requested", "correlations-measured"} <= set(drawn)
    assert panels["marginal-lv_edv_ml"]["title"] == "LV EDV (mL), n = 2 real, 8 requested, 8 measured"
    assert panels["correlations-measured"]["title"] == "Correlations, measured, n = 8"
    assert "blue 1, orange" in drawn["correlations-real"]


@pytest.mark.parametrize(
    "content",
    [diagnosis.diagnosis, phenotype_regression.phenotype_regression, phenotype_sampling.phenotype_sampling],
)
def test_a_study_without_such_rows_says_so(content: Any) -> None:
    assert content(data_of([]))["reason"].startswith("the study has no ")
