"""Requests in words: written from what is requested, a user's own sentence kept, contradictions in the log."""

from __future__ import annotations

import logging

import pandas as pd
import pytest

from synthaug.data.cohort import Cohort
from synthaug.synthesis.requests import request_cohort, write_requests
from synthaug.synthesis.word_requests import word_requests
from synthaug.text.impressions import write
from synthaug.text.reading import read


@pytest.fixture
def requests() -> Cohort:
    table = pd.DataFrame(
        {
            "subject": ["g-s0-0000", "g-s0-0001", "g-s0-0002"],
            "diagnosis": ["HCM", "DCM", None],
            "lv_edv_ml": [120.0, 250.0, None],
            "lv_esv_ml": [30.0, 200.0, None],
            "n_slices": 8,
            "seed": [11, 12, 13],
            "sentence": [None, "Normal heart, zebra.", None],
        }
    )
    return request_cohort(table, spacing_mm=(10, 2, 2))


def test_what_is_requested_is_written_in_held_out_wordings(requests, tmp_path):
    worded = word_requests(requests, held_out=True)
    row = requests.record("g-s0-0000")
    first, second, third = worded.table["sentence"]
    assert first == write(row, 11, held_out=True) != write(row, 11)
    said = read(first).facts
    assert said["diagnosis"] == "HCM" and said["ef"] == "hyperdynamic" and said["lv_size"] == "normal"
    assert second == "Normal heart, zebra." and pd.isna(third)
    assert word_requests(requests, held_out=False).table["sentence"].iloc[0] == write(row, 11)
    write_requests(worded, tmp_path / "requests")
    assert Cohort.open(tmp_path / "requests").table["sentence"].iloc[0] == first


def test_two_generators_are_asked_with_the_same_words(requests):
    table = requests.table.assign(subject=["h-1", "h-2", "h-3"])
    other = word_requests(request_cohort(table, spacing_mm=(10, 2, 2)), held_out=True).table["sentence"]
    assert other.iloc[0] == word_requests(requests, held_out=True).table["sentence"].iloc[0]


def test_contradictions_and_unknown_words_are_logged_a_line_each(requests, caplog):
    with caplog.at_level(logging.WARNING):
        word_requests(requests, held_out=True)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 4 and all(line.startswith("g-s0-0001: ") for line in lines)
    assert "'Normal heart' contradicts the ejection fraction of its row, 20 %" in lines[1]
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        word_requests(requests, held_out=True, known={"zebra"})
    assert len(caplog.records) == 3
