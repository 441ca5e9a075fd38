"""No cell of a table is a formula, and what is read again is what was written."""

from __future__ import annotations

import csv

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthaug.core.artifacts import read_tsv, write_tsv
from synthaug.core.spreadsheets import table_text, with_formulas, without_formulas
from synthaug.core.text_tables import read_text_table
from synthaug.data.readers.metadata import Entries

FORMULAS = ("=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "-+1")
TEXTS = ("NOR", "'s Gravenhage", "EF -5", "a=b", "-", "+", "=", "-3.5", "+5", "-1e-3", "", "'", "'-")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_a_text(text):
    assert without_formulas(text) == f"'{text}"


@pytest.mark.parametrize("text", TEXTS)
def test_other_texts_and_numbers_stay(text):
    assert without_formulas(text) == text == with_formulas(text)


MARKED = st.text(alphabet="'=+-@\t\r\n＝1.e a,\"", max_size=6)


@given(MARKED)
def test_every_text_comes_back(text):
    assert with_formulas(without_formulas(text)) == text


@given(MARKED, MARKED)
def test_two_texts_never_become_one(first, second):
    assert (without_formulas(first) == without_formulas(second)) == (first == second)


@pytest.mark.parametrize("dtype", [object, "string", "str"])
def test_a_table_comes_back_and_its_file_has_no_formula(tmp_path, dtype):
    table = pd.DataFrame(
        {
            "subject": ["a", "b", "c"],
            "diagnosis": pd.Series([*FORMULAS[:2], None], dtype=dtype),
            "note": pd.Series(["- normal LV", "'=1+1", "-3.5"], dtype=dtype),
            "@age": [-1.5, None, 3.0],
            "seed": [-1, 2, 3],
        }
    )
    before = table.copy()
    write_tsv(tmp_path / "t.tsv", table)
    pd.testing.assert_frame_equal(table, before)  # the caller's stays
    with (tmp_path / "t.tsv").open(newline="") as stream:
        cells = [cell for row in csv.reader(stream, delimiter="\t") for cell in row]
    assert [cell for cell in cells if cell[:1] in set("=+-@\t\r\n")] == ["-1.5", "-1", "-3.5"]
    texts = ("subject", "diagnosis", "note")
    again = read_tsv(tmp_path / "t.tsv", texts)
    wanted = before.astype(dict.fromkeys(texts, "string"))
    pd.testing.assert_frame_equal(again, wanted)
    # A table that the package wrote may come back as a user's own.
    assert read_text_table(tmp_path / "t.tsv")["note"].tolist() == ["- normal LV", "'=1+1", "-3.5"]


def test_categories_and_empty_tables():
    table = pd.DataFrame({"dataset": pd.Categorical(["=a", "b", "=a"])})
    assert table_text(table) == "dataset\n'=a\nb\n'=a\n"
    assert table_text(pd.DataFrame(columns=["a", "=b"])) == "a,'=b\n"


def test_a_formula_of_a_raw_table_is_no_diagnosis():
    entries = Entries({"diagnosis": '=HYPERLINK("http://a.example","x")', "vendor": "+V", "sex": "@"})
    assert entries.diagnosis() is None and entries.vendor() == "+V" and entries.sex() == "@"
    (finding,) = entries.findings
    assert str(finding).endswith("is a formula, not its value; taken as unknown")
