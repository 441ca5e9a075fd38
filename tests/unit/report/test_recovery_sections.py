"""Sections about recovery and the ranking of generators: what stands in their tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.report import ReportSettings
from synthaug.data.cohort import Cohort
from synthaug.measures.measurement import Measurement
from synthaug.measures.recovery import (
    EF_CATEGORY,
    FOREST,
    NETWORK,
    REAL,
    Recognised,
    leave_recovery_out,
    recovery_rows,
)
from synthaug.metric_registry import columns_of
from synthaug.report.files import FOLDER
from synthaug.report.inputs import ReportInputs
from synthaug.report.render import make_environment
from synthaug.report.rows import records
from synthaug.report.section import ReportData, find_sections
from synthaug.report.sections.generator_ranking import generator_ranking
from synthaug.report.sections.recovery import recovery
from synthaug.statistics.generator_ranking import rank_generators
from synthaug.tables import make_table

SETTINGS = EvaluationSettings(replicates=100)


def data_of(table: pd.DataFrame, drawn: dict[str, str] | None = None) -> ReportData:
    """Data of sections that look at nothing but rows; `drawn` receives the figures."""

    def draw(name: str, svg: str, title: str, alt: str) -> dict[str, str]:
        if drawn is not None:
            drawn[name] = svg
        return {"file": name, "title": title, "alt": alt}

    return ReportData(
        inputs=ReportInputs(Path(), {}, [Arm("real", True, None, 0.0)], {}),
        settings=ReportSettings(),
        table=table,
        rows=records(table),
        real=Cohort("none", "real", pd.DataFrame(), {}, {}),
        alpha=0.05,
        draw=draw,
        assets=Path(),
        is_shown=lambda row: True,
    )


def rows_of(fold: int, found: list[str]) -> list[dict[str, Any]]:
    """Four NOR and four DCM requested; all of four real patients right."""
    measurement = Measurement({"generator": "cascade", "fold": fold, "generator_seed": 0}, SETTINGS)
    asked = np.array(["NOR"] * 4 + ["DCM"] * 4, object)
    made = Recognised(asked, np.array(found, object), np.arange(8).astype(str), ["NOR", "DCM"])
    real = Recognised(asked[2:6], asked[2:6], np.arange(4).astype(str), ["NOR", "DCM"])
    return [*recovery_rows(NETWORK, made, measurement), *recovery_rows(NETWORK, real, measurement, REAL)]


def printed(name: str, content: dict[str, Any]) -> str:
    environment = make_environment(FOLDER)
    environment.filters |= {"svg": lambda panel: panel["title"], "data_uri": str}
    return environment.get_template(f"sections/{name}.html.j2").render(content=content)


def test_recovery_stands_beside_chance_and_real_patients() -> None:
    drawn: dict[str, str] = {}
    rows = [
        *rows_of(0, ["NOR"] * 4 + ["DCM"] * 3 + ["NOR"]),
        *rows_of(1, ["NOR"] * 4 + ["DCM"] * 2 + ["NOR"] * 2),
    ]
    none = Measurement({"generator": "cascade", "fold": 0, "generator_seed": 0}, SETTINGS)
    absent = [leave_recovery_out(metric, "no such task", none) for metric in (FOREST, EF_CATEGORY)]
    content = recovery(data_of(pd.concat([make_table(rows), *absent], ignore_index=True), drawn))
    assert content["reason"] == ""
    first, second = content["table"]["rows"]  # what the study has no task for has no line
    assert first[1] == {"text": "cascade", "aside": "fold 0"} and second[1]["aside"] == "fold 1"
    assert [cell["value"] for cell in first[3:9]] == [0.875, 0.5, 1.0, 0.875, 0.5, 1.0]
    assert first[9:] == [8, 4]
    # Both folds together: of 8 DCM 5 are recovered.
    (panel,) = content["panels"]
    assert "DCM recovered as DCM 62 %" in panel["alt"] and "NOR recovered as NOR 100 %" in panel["alt"]
    svg = drawn["diagnosis_recovered_as-cascade"]
    assert all(text in svg for text in ("NOR (8)", "requested (subjects)", "recovered"))
    recall = {(line[0], line[1]["aside"]): line[3]["value"] for line in content["recall"]["rows"]}
    assert recall[("diagnosis DCM", "fold 0")] == 0.75
    page = printed("recovery", content)
    assert [entry["name"] for entry in content["without"]] == [
        "diagnosis, random forest, measured phenotypes",
        "EF category, segmenter, measured volumes",
    ]
    assert "0.875" in page and "measured volumes: no such task." in page and "Recall of each class" in page


def test_a_study_without_a_classification_says_why() -> None:
    measurement = Measurement({"generator": "g", "fold": 0, "generator_seed": 0}, SETTINGS)
    content = recovery(data_of(leave_recovery_out(NETWORK, "no task of kind classification", measurement)))
    assert content["reason"] == "no task of kind classification"
    assert recovery(data_of(make_table([])))["reason"] == "no recovery among the result rows"


def test_each_criterion_has_a_line_with_values_and_one_with_ranks() -> None:
    rows = []
    for generator, value in {"cascade": 0.9, "single-pass": 0.5}.items():
        run = {"generator": generator, "fold": 0, "generator_seed": 0, "status": "ok", "n": 30}
        ends = {"value": value, "ci_low": value - 0.01, "ci_high": value + 0.01}
        rows.append({**columns_of("controllability_r", "_lv_ef"), **run, **ends, "versus": "segmenter"})
        rows.append({**columns_of("sampling_seconds"), **run, "value": 10 * value})
    table = make_table(rows)
    names = ["cascade", "single-pass", "external"]
    content = generator_ranking(data_of(rank_generators(table, names, [], {}, SETTINGS)))
    first, second = content["criteria"]["rows"]
    assert first[0]["text"] == "controllability: Pearson's r, LV ejection fraction" and first[1] == "higher"
    assert [cell["value"] for cell in first[2:]] == [0.9, 0.5, None]
    assert second[0]["text"] == "time of sampling a cine" and second[2]["unit"] == "s"
    ranks, times = content["ranks"]["rows"]
    assert ranks[1] == {"text": "1", "aside": "1 to 1; same in 100 %, first in 100 %"} and ranks[3] is None
    assert ranks[-1]["value"] == 1.0 and times[1]["aside"] == "stability unknown: no interval"
    assert content["pairs"]["rows"] == []
    page = printed("generator_ranking", content)
    assert "request by request" not in page
    assert "is no overall score" in page and "single-pass" in page
    assert generator_ranking(data_of(make_table([])))["reason"] == "the study has fewer than two generators"


def test_differences_are_to_the_best_generator_whichever_is_subtracted() -> None:
    place = {
        "versus": "segmenter",
        "structure": "LV",
        "status": "ok",
        "fold": 0,
        "generator_seed": 0,
        "n": 40,
    }
    rows = []
    for name, value in {"a": 0.5, "b": 0.9, "c": 0.7}.items():
        ends = {"value": value, "ci_low": value - 0.1, "ci_high": value + 0.1}
        rows.append({**columns_of("controllability_r", "_lv_ef"), **place, **ends, "generator": name})
    for name, other, value in (("b", "a", 0.4), ("c", "a", 0.2), ("c", "b", -0.2)):
        found = {"target": "controllability_r_lv_ef", "unit": "1", "value": value, "generator": name}
        ends = {"ci_low": value - 0.05, "ci_high": value + 0.1, "other_generator": other}
        rows.append({**columns_of("generator_difference"), **place, **found, **ends})
    table = rank_generators(make_table(rows), ["a", "b", "c"], [], {}, SETTINGS)
    content = generator_ranking(data_of(table))
    ((_, best, first, itself, third),) = content["pairs"]["rows"]
    assert best == "b" and itself is None
    assert (first["value"], first["ci_low"], first["ci_high"]) == pytest.approx((-0.4, -0.5, -0.35))
    assert (third["value"], third["ci_low"], third["ci_high"]) == pytest.approx((-0.2, -0.25, -0.1))
    assert "Differences to the best generator, request by request" in printed("generator_ranking", content)


def test_rows_of_recovery_cost_and_ranking_are_shown() -> None:
    sections = find_sections()
    shown = {
        "recovery": ("diagnosis_recovery", "ef_category_recovery_balanced_chance", "diagnosis_recovered_as"),
        "generator_ranking": ("generator_rank", "generator_criterion", "training_seconds"),
    }
    for name, metrics in shown.items():
        for metric in metrics:
            assert sections[name].shows({"metric": metric, "vendor": None, "diagnosis": "NOR"})
