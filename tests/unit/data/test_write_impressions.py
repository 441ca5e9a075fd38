"""Sentences in the training data: reports where a user has them, and nothing measured on withheld labels."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthaug.config.data import ReportTableSettings
from synthaug.config.phenotype_columns import needed_phenotypes
from synthaug.config.study import load_study
from synthaug.config.text import WALL_PHENOTYPES, reads_text
from synthaug.core.artifacts import write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.sentence_column import with_sentences
from synthaug.data.write_impressions import write_impressions
from synthaug.text.reading import read

STUDIES = Path(__file__).parents[3] / "config" / "studies"


@pytest.fixture
def cohort() -> Cohort:
    table = pd.DataFrame(
        {
            "subject": ["a-1", "a-2", "a-3", "b-1"],
            "dataset": ["a", "a", "a", "b"],
            "diagnosis": ["DCM", "NOR", None, None],
            "lv_edv_ml": [250.0, 150.0, 160.0, np.nan],
            "lv_esv_ml": [200.0, 60.0, np.nan, np.nan],
            "labelled_frames": ["0,3", "0,3", "0", None],
        }
    )
    return Cohort("a+b", "real", table.set_index("subject", drop=False), {}, {})


def reports(path: Path, text: str) -> dict[str, ReportTableSettings]:
    path.write_text(text)
    return {"a": ReportTableSettings(table=str(path), id="id", text="findings")}


def test_a_sentence_tells_the_facts_of_its_subject(cohort, tmp_path):
    found = write_impressions(cohort, {}, ["a-1", "a-2", "b-1"]).set_index("subject")
    said = read(found.loc["a-1", "sentence"]).facts
    assert said["diagnosis"] == "DCM" and said["ef"] == "severely reduced"
    assert pd.isna(found.loc["b-1", "sentence"]) and found["report"].isna().all()
    write_tsv(tmp_path / "sentences.tsv", found.reset_index())
    joined = with_sentences(cohort, tmp_path / "sentences.tsv").table
    assert joined.loc["a-1", "sentence"] == found.loc["a-1", "sentence"] and pd.isna(
        joined.loc["a-3", "sentence"]
    )
    assert with_sentences(cohort, []) is cohort


def test_withheld_labels_hide_what_they_measure(cohort):
    hidden = cohort.without_labels(["a-1"])
    (sentence,) = write_impressions(hidden, {}, ["a-1"])["sentence"]
    assert set(read(sentence).facts) == {"diagnosis"}


def test_a_users_report_is_the_sentence_and_its_contradictions_are_logged(cohort, tmp_path, caplog):
    own = reports(tmp_path / "r.csv", 'id,findings\n1,"Normal heart.\nRhabdomyoma?"\na-3,\n')
    with caplog.at_level(logging.WARNING):
        found = write_impressions(cohort, own, ["a-1", "a-2", "a-3"]).set_index("subject")
    assert found.loc["a-1", "sentence"] == found.loc["a-1", "report"] == "Normal heart. Rhabdomyoma?"
    assert pd.isna(found.loc["a-3", "report"]) and found.loc["a-2", "sentence"]
    lines = [record.getMessage() for record in caplog.records]
    assert any("contradicts the ejection fraction of its row, 20 %" in line for line in lines)
    assert any("unknown words 'rhabdomyoma'" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,text\n1,x\n", "unknown column 'findings'"),
        ("id,findings\n9,x\n", "no id is a subject or patient of the dataset"),
        ("id,findings\n1,x\n1,y\n", "id '1' stands in two rows"),
    ],
)
def test_a_wrong_table_gets_one_line(cohort, tmp_path, text, message):
    with pytest.raises(SynthaugError, match=message) as refused:
        write_impressions(cohort, reports(tmp_path / "r.csv", text), ["a-1"])
    assert "\n" not in str(refused.value)


def test_phenotypes_of_the_wall_are_needed_where_text_is_read_only():
    import yaml

    content = yaml.safe_load((STUDIES / "tiny.yaml").read_text())
    content["models"]["text"] = {"kind": "text_encoder"}
    study = load_study(content)
    assert needed_phenotypes(study, ["anatomy"]) == [] and not reads_text(["anatomy"], study.models)
    assert needed_phenotypes(study, ["anatomy", "text"]) == sorted(WALL_PHENOTYPES)
    bare = load_study({**content, "text": {"wall": False}})
    assert needed_phenotypes(bare, ["text"]) == [] and reads_text(["text"], bare.models)
