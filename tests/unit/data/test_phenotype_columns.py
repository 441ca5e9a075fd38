"""Columns of phenotypes in the training data: whose values they are, and what a fold may not see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from synthaug.config.phenotype_columns import needed_phenotypes, own_phenotypes
from synthaug.config.study import load_study
from synthaug.core.artifacts import write_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.phenotype_columns import with_phenotypes

STUDIES = Path(__file__).parents[3] / "config" / "studies"
SUBJECTS = ["a-1", "a-2", "b-1"]


@pytest.fixture
def cohort() -> Cohort:
    table = pd.DataFrame({"subject": SUBJECTS, "lv_edv_ml": [100.0, np.nan, 120.0]})
    return Cohort("a+b", "real", table.set_index("subject", drop=False), {}, {})


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    a = pd.DataFrame(
        {
            "subject": ["a-2", "a-1"],
            "patient": ["a-2", "a-1"],
            "missing": [None, "no RV at ED"],
            "lv_edv_ml": [91.0, 92.0],
            "rv_length_ed_mm": [81.0, 82.0],
            "heart_rate_bpm": [60.0, 70.0],
            "la_max_ml": [31.0, np.nan],
        }
    )
    b = pd.DataFrame({"subject": ["b-1"], "patient": ["b-1"], "missing": [None], "rv_length_ed_mm": [83.0]})
    write_tsv(tmp_path / "a.tsv", a)
    write_tsv(tmp_path / "b.tsv", b.assign(lv_edv_ml=93.0, heart_rate_bpm=np.nan))
    return [tmp_path / "a.tsv", tmp_path / "b.tsv"]


def split(*labelled: bool) -> pd.DataFrame:
    return pd.DataFrame({"subject": SUBJECTS, "labelled": labelled})


def test_values_are_joined_by_subject_and_stay_missing(cohort, tables) -> None:
    columns = ["rv_length_ed_mm", "la_max_ml", "age"]
    table = with_phenotypes(cohort, tables, columns, {"a": ["la_max_ml"]}, split(True, True, True)).table
    assert table["rv_length_ed_mm"].tolist() == [82, 81, 83]
    assert table["la_max_ml"].tolist() == pytest.approx([np.nan, 31, np.nan], nan_ok=True)
    assert "age" not in table.columns and "rv_length_ed_mm" not in cohort.table.columns


def test_what_labels_measure_is_withheld_with_the_labels(cohort, tables) -> None:
    columns = ["rv_length_ed_mm", "heart_rate_bpm", "la_max_ml"]
    table = with_phenotypes(cohort, tables, columns, {"a": ["la_max_ml"]}, split(True, False, True)).table
    assert table["rv_length_ed_mm"].tolist() == pytest.approx([82, np.nan, 83], nan_ok=True)
    # The heart rate is the cine's, and the left atrium the user's own: neither needs the labels.
    assert table.loc["a-2", "heart_rate_bpm"] == 60 and table.loc["a-2", "la_max_ml"] == 31


def test_the_users_own_volumes_replace_those_of_the_dataset_only(cohort, tables) -> None:
    own = {"a": ["lv_edv_ml"]}
    table = with_phenotypes(cohort, tables, ["lv_edv_ml"], own, split(True, True, True)).table
    assert table["lv_edv_ml"].tolist() == [92, 91, 120]
    kept = with_phenotypes(cohort, tables, ["lv_edv_ml"], {}, split(True, True, True)).table["lv_edv_ml"]
    assert kept.tolist() == pytest.approx([100, np.nan, 120], nan_ok=True)


def test_only_what_models_use_is_needed() -> None:
    content = yaml.safe_load((STUDIES / "tiny.yaml").read_text())
    assert needed_phenotypes(load_study(content), load_study(content).models) == []
    content["models"]["anatomy"]["conditions"] = ["lv_edv_ml", "wall_thickness_max_ed_mm", "age"]
    content["models"]["sampler"] = {
        "kind": "phenotype_copula",
        "phenotypes": ["lv_ef", "lv_sv_ml", "la_max_ml"],
    }
    study = load_study(content)
    assert needed_phenotypes(study, ["anatomy"]) == ["wall_thickness_max_ed_mm"]
    assert needed_phenotypes(study, ["anatomy", "sampler"]) == ["lv_sv_ml", "wall_thickness_max_ed_mm"]
    name = next(iter(content["datasets"]))
    content["datasets"][name]["phenotypes"] = {
        "table": "mine.csv",
        "id": "eid",
        "columns": {"LAV": "la_max_ml", "LVEDV": "lv_edv_ml"},
    }
    study = load_study(content)
    assert own_phenotypes(study) == {name: ["la_max_ml", "lv_edv_ml"]}
    assert needed_phenotypes(study, ["anatomy"]) == ["lv_edv_ml", "wall_thickness_max_ed_mm"]
    assert needed_phenotypes(study, ["sampler"]) == ["la_max_ml", "lv_sv_ml"]
