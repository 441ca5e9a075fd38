"""A user's own table: joined by subject or patient, and every mistake said in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthaug.core.errors import SynthaugError
from synthaug.phenotypes.user_table import read_phenotypes

SUBJECTS = pd.DataFrame(
    {
        "subject": ["ukb-1-baseline", "ukb-1-followup", "ukb-2", "ukb-3"],
        "patient": ["ukb-1", "ukb-1", "ukb-2", None],
    }
)
COLUMNS = {"LVEDV": "lv_edv_ml", "LAV": "la_max_ml"}
ROWS = ["eid,LVEDV,LAV", "1,150,60", "ukb-2,120,", "3,,70", "999,nonsense,1"]


def read(
    folder: Path, rows: list[str] = ROWS, columns: dict[str, str] = COLUMNS, **changed: object
) -> pd.DataFrame:
    path = folder / "phenotypes.csv"
    path.write_text("\n".join([*rows, ""]))
    given = {"id_column": "eid", "columns": columns, "subjects": SUBJECTS, "dataset": "ukb"} | changed
    return read_phenotypes(path, **given)


def test_joined_by_patient_and_missing_stays_missing(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert list(found.index) == list(SUBJECTS["subject"])
    assert found["lv_edv_ml"].tolist()[:3] == [150, 150, 120] and np.isnan(found["lv_edv_ml"].iloc[3])
    assert np.isnan(found["la_max_ml"].iloc[2]) and found["la_max_ml"].iloc[3] == 70


def test_a_row_of_the_subject_comes_before_one_of_the_patient(tmp_path: Path) -> None:
    found = read(tmp_path, [*ROWS, "1-followup,180,65"])
    assert found["lv_edv_ml"].tolist()[:3] == [150, 180, 120]


def test_tabs_separate_other_files(tmp_path: Path) -> None:
    (tmp_path / "own.tsv").write_text("id\tLVM\n2\t90\n1\t100\n3\t110\n")
    found = read_phenotypes(tmp_path / "own.tsv", "id", {"LVM": "myo_mass_g"}, SUBJECTS, "ukb")
    assert found["myo_mass_g"].tolist() == [100, 100, 90, 110]


@pytest.mark.parametrize(
    ("rows", "changed", "match"),
    [
        (ROWS, {"columns": {"LVEDF": "lv_edv_ml"}}, "unknown column 'LVEDF'; did you mean 'LVEDV'"),
        (ROWS, {"id_column": "subject"}, "unknown column 'subject'; known are eid, LVEDV, LAV"),
        (ROWS[:1], {}, "no rows"),
        ([*ROWS, ",100,50"], {}, "row 5: no eid"),
        ([*ROWS, "ukb-1,151,60"], {}, "id '1' stands in two rows"),
        (["eid,LVEDV,LAV", "7,150,60"], {}, "no id is a subject or patient of the dataset"),
        (["eid,LVEDV,LAV", "1,150 ml,60", "2,120,50"], {}, "LVEDV: ukb-1-baseline: '150 ml' is no number"),
        (["eid,LVEDV,LAV", "1,inf,60", "2,120,50"], {}, "'inf' is no number"),
        (
            ["eid,LVEDV,LAV", "1,0.15,60", "2,120,50"],
            {},
            "lv_edv_ml is 0.15, valid is 20 to 900 mL; check the unit",
        ),
        (["eid,LVEDV,LAV", "1,150,60", "2,150,50"], {}, "LVEDV: 150 for all patients"),
        (
            ["eid,EF", "1,0.55", "2,0.61", "3,0.3"],
            {"columns": {"EF": "lv_ef"}},
            "EF: lv_ef is at most 0.61 of all patients, a fraction; give percent",
        ),
        (
            ["eid,EDV,ESV", "1,150,60", "2,140,150", "3,120,50"],
            {"columns": {"EDV": "lv_edv_ml", "ESV": "lv_esv_ml"}},
            "ukb-2: lv_esv_ml is 150, above lv_edv_ml, which is 140",
        ),
        (["eid,LVEDV,LAV", "1,150,60", "2,,50"], {}, "LVEDV: missing for 2 of 3 patients"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, rows: list[str], changed: dict[str, object], match: str
) -> None:
    with pytest.raises(SynthaugError) as error:
        read(tmp_path, rows, **changed)
    assert match in str(error.value) and "\n" not in str(error.value)


def test_every_wrong_column_is_a_line(tmp_path: Path) -> None:
    with pytest.raises(SynthaugError) as error:
        read(tmp_path, ["eid,LVEDV,LAV", "1,many,60", "2,120,60"])
    assert [line.split(": ")[2] for line in str(error.value).splitlines()] == ["LVEDV", "LAV"]


def test_no_such_table(tmp_path: Path) -> None:
    with pytest.raises(SynthaugError, match="no such table of phenotypes"):
        read_phenotypes(tmp_path / "absent.csv", "eid", COLUMNS, SUBJECTS, "ukb")
