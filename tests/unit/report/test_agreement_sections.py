"""Sections of the generalisation gap and of clinical agreement, from rows that the statistics wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.config.report import ReportSettings
from synthaug.data.cohort import Cohort
from synthaug.metric_registry import columns_of
from synthaug.report.inputs import ReportInputs
from synthaug.report.rows import records
from synthaug.report.section import ReportData
from synthaug.report.sections import clinical_agreement, generalisation
from synthaug.statistics import clinical_agreement as agreement
from synthaug.statistics.comparisons import compare_arms
from synthaug.statistics.failures import failure_rates
from synthaug.statistics.seed_disagreement import seed_disagreement
from synthaug.tables import make_table

ARMS = [Arm("real", True, None, 0.0), Arm("plus", True, "g", 1.0)]
SETTINGS = EvaluationSettings(replicates=100, mixed_model=False)


def data_of(rows: pd.DataFrame) -> ReportData:
    """Data of sections that look at nothing but rows: a look at another input fails."""
    return ReportData(
        inputs=ReportInputs(Path(), {}, ARMS, {}),
        settings=ReportSettings(),
        table=rows,
        rows=records(rows),
        real=Cohort("none", "real", pd.DataFrame(), {}, {}),
        alpha=0.05,
        draw=lambda *_: {},
        assets=Path(),
        is_shown=lambda row: True,
    )


@pytest.fixture(scope="module")
def compared() -> pd.DataFrame:
    """Twelve foreign and six internal patients, three trainings of two arms; the gap is 0.1, the arm closes half of it."""
    rng = np.random.default_rng(0)
    rows = []
    for arm, gain in (("real", 0.0), ("plus", 0.05)):
        for seed in range(3):
            for patient in range(18):
                within = patient >= 12
                value = 0.8 + 0.1 * within + gain * (not within) + 0.002 * rng.normal()
                about = {
                    "subject": f"p{patient}",
                    "role": "test_within" if within else "test",
                    "vendor": "A" if within else "B",
                    "arm": arm,
                    "fold": 0,
                    "training_seed": seed,
                    "generator_seed": 0 if arm == "plus" else None,
                    "structure": "LV",
                    "status": "ok",
                }
                rows.append({**columns_of("dice"), **about, "phase": "ED", "value": value})
                rows.append({**columns_of("ef_error"), **about, "value": -5.0 - within})
                rows.append({**columns_of("ef"), **about, "value": 50.0 + patient})
    scores = make_table(rows)
    measures = (compare_arms, agreement.clinical_agreement, failure_rates, seed_disagreement)
    return pd.concat([measure(scores, ARMS, SETTINGS) for measure in measures], ignore_index=True)


def test_the_gap_and_whether_the_arm_closes_it(compared):
    content = generalisation.SECTION.content(data_of(compared))
    (real, plus) = content["table"]["rows"]
    assert real[0] == "real" and real[2]["value"] == pytest.approx(-0.1, abs=0.005)
    assert real[1]["value"] == pytest.approx(0.9, abs=0.005) and real[3] == "–" and real[4] == 18
    assert plus[2]["value"] == pytest.approx(-0.05, abs=0.005)
    assert plus[3]["value"] == pytest.approx(0.05, abs=0.005) and plus[3]["ci_low"] > 0


def test_without_two_domains_there_is_no_gap(compared):
    rows = compared[~compared["metric"].str.contains("gap")]
    assert "does not test unseen and seen vendors" in generalisation.SECTION.content(data_of(rows))["reason"]


def test_a_gap_of_too_few_patients_stays_in_its_section(compared):
    note = "12 foreign and 1 internal test patients; at least 2 of each per fold are needed"
    gaps = compared["metric"].str.endswith(("_gap", "_gap_difference"))
    rows = compared.copy()
    rows.loc[gaps, ["value", "ci_low", "ci_high"]] = None
    rows.loc[gaps, ["status", "note"]] = ["not_measured", note]
    assert generalisation.SECTION.content(data_of(rows))["reason"] == note


def test_agreement_of_the_patients_of_the_verdict(compared):
    content = clinical_agreement.SECTION.content(data_of(compared))
    (table,) = content["tables"]
    assert table["label"] == "ejection fraction error (percentage points)"
    real = table["rows"][0]
    assert real[:3] == ["real", "LV", 12]  # not the six internal ones, whose error is 6
    assert real[3]["value"] == pytest.approx(-5) and real[4]["value"] == pytest.approx(5)
    assert [row[3]["value"] for row in content["failures"]["rows"]] == [0, 0]
