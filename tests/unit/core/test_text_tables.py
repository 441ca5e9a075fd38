"""Tables as people and programs write them are read as what they mean."""

import pytest

from synthaug.core.errors import SynthaugError
from synthaug.core.text_tables import read_text_table

#: The same two rows, as written by different hands.
SAME = {
    "commas": b"id,age,sex\n1,61,F\n2,,M\n",
    "semicolons": b"id;age;sex\n1;61;F\n2;;M\n",
    "tabs": b"id\tage\tsex\n1\t61\tF\n2\t\tM\n",
    "byte order mark": b"\xef\xbb\xbfid,age,sex\r\n1,61,F\r\n2,,M\r\n",
    "UTF-16": "id\tage\tsex\n1\t61\tF\n2\t\tM\n".encode("utf-16"),
    "trailing separators": b"id,age,sex,,\n1,61,F,,\n2,,M,,\n",
    "trailing separators of rows": b"id,age,sex\n1,61,F,\n2,,M,\n",
    "empty rows": b"\nid,age,sex\n,,\n1,61,F\n\n2,,M\n,,\n",
    "short rows": b"id,sex,age\n1,F,61\n2,M\n",
    "n/a": b"id,age,sex\n1,61,F\n2,n/a,M\n",
    "NaN": b"id,age,sex\n1,61,F\n2,NaN,M\n",
    "spreadsheet error": b"id,age,sex\n1,61,F\n2,#N/A,M\n",
    "numbers of rows": b",id,age,sex\n0,1,61,F\n1,2,,M\n",
    "a column twice": b"id,age,sex,Age\n1,61,F,61\n2,,M,\n",
    "a column in two halves": b"id,age,sex,AGE\n1,n/a,F,61\n2,,M,\n",
    "blanks": b" id , age , sex \n 1 , 61 , F \n 2 , - , M \n",
}


@pytest.mark.parametrize("kind", SAME)
def test_one_table_written_by_many_hands(tmp_path, kind):
    (tmp_path / "t.csv").write_bytes(SAME[kind])
    table = read_text_table(tmp_path / "t.csv")
    assert sorted(table.columns) == ["age", "id", "sex"]
    assert table[["id", "age", "sex"]].to_dict("records") == [
        {"id": "1", "age": "61", "sex": "F"},
        {"id": "2", "age": "", "sex": "M"},
    ]


def test_quoted_separators_and_accents(tmp_path):
    (tmp_path / "t.csv").write_bytes('id,centre\n1,"H\u00f4pital, Dijon"\n'.encode("cp1252"))
    assert read_text_table(tmp_path / "t.csv")["centre"].tolist() == ["H\u00f4pital, Dijon"]


def test_required_columns_are_found_whatever_their_case(tmp_path):
    (tmp_path / "t.csv").write_text("EXTERNAL CODE,ed\nA,3\n")
    assert list(read_text_table(tmp_path / "t.csv", ("External code", "ED")).columns) == [
        "External code",
        "ED",
    ]


#: Content -> word of the refusal.
REFUSED = {
    b"": "empty",
    b"id,age\n1,61,F,x\n": "line 2: 4 entries",
    b"id,age,Age\n1,2,3\n": "2 columns",
    b"PK\x03\x04\0\0": "spreadsheet",
    b"version https://git-lfs.github.com/spec/v1\n": "git lfs pull",
    b"id;sex\n1;F\n": "no column 'AGE'",
}


@pytest.mark.parametrize("content", REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_such_table_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(SynthaugError) as caught:
        read_text_table(tmp_path / "t.csv", ("AGE",))
    assert REFUSED[content] in str(caught.value) and "\n" not in str(caught.value)


def test_columns_of_one_name_that_disagree_are_refused_with_their_line(tmp_path):
    (tmp_path / "t.csv").write_text("id,ed_frame,ED_frame\n1,0,0\n2,0,5\n")
    with pytest.raises(SynthaugError, match=r"line 3: 2 columns 'ed_frame' say '0' and '5'; keep one"):
        read_text_table(tmp_path / "t.csv")
