"""Clauses that contain a phrase are left out of a sentence, whole."""

from __future__ import annotations

import pytest

from synthaug.text.clauses import without

SENTENCE = "cine MRI: myocardial infarction; the inferior wall is akinetic; EF 35.5 %, LV ESV 130 ml."


@pytest.mark.parametrize(
    ("phrase", "left"),
    [
        ("inferior", "cine MRI: myocardial infarction; EF 35.5 %, LV ESV 130 ml."),
        ("Inferior  WALL", "cine MRI: myocardial infarction; EF 35.5 %, LV ESV 130 ml."),
        ("lv", "cine MRI: myocardial infarction; the inferior wall is akinetic; EF 35.5 %"),
        ("35.5", "cine MRI: myocardial infarction; the inferior wall is akinetic; LV ESV 130 ml."),
        ("MRI", "the inferior wall is akinetic; EF 35.5 %, LV ESV 130 ml."),
    ],
)
def test_every_clause_with_the_phrase_goes(phrase, left):
    assert without(SENTENCE, phrase) == left


@pytest.mark.parametrize("phrase", ["infer", "RV", "wall inferior", "35", ". *"])
def test_a_phrase_is_whole_words_in_their_order_and_no_pattern(phrase):
    assert without(SENTENCE, phrase) is None


def test_nothing_is_left_where_all_clauses_have_it():
    assert without("the wall is thin, the wall moves.", "wall") == ""
