"""One schema for all result rows: each fault is one line that names file, row and remedy."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from synthaug.core.artifacts import write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.metric_registry import METRICS, columns_of, find_metric
from synthaug.synthesis.gather import acceptance_rows
from synthaug.tables import COLUMNS, TABLE, VALUED_STATUSES
from synthaug.tables.collate import collate
from synthaug.tables.schema import DOCUMENT, documented, read_rows, row_schema

GOOD = {**columns_of("dice"), "value": 0.9, "status": "ok", "arm": "real", "subject": "p-1", "n": 1}


def write(path: Path, *rows: dict) -> Path:
    write_tsv(path, pd.DataFrame(rows, columns=list(COLUMNS)))
    return path


def test_a_good_row_passes_with_all_columns_typed(tmp_path):
    table = read_rows(write(tmp_path / "rows.tsv", GOOD))
    kinds = {"text": "string", "number": "float64", "integer": "Int64"}
    assert {name: str(kind) for name, kind in table.dtypes.items()} == {
        column.name: kinds[column.kind] for column in TABLE
    }


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"p_value": 1.2}, "p_value 1.2 is above 1"),
        ({"p_adjusted": -0.1}, "p_adjusted -0.1 is below 0"),
        ({"n": -3}, "n -3 is below 0"),
        ({"dose": -1.0}, "dose -1 is below 0"),
        ({"ci_low": 0.95, "ci_high": 0.85}, "its interval ends below where it begins"),
        ({"status": "fine"}, "status 'fine' is unknown; known are ok"),
        ({"direction": "up"}, "direction 'up' is unknown; known are higher"),
        ({"status": "failed"}, "its value disagrees with its status"),
        ({"value": None}, "its value disagrees with its status"),
        ({"definition": "dice.v0"}, "metric and definition are not those of"),
        ({"metric": "beauty"}, "metric and definition are not those of"),
        ({"unit": "mm"}, "its unit is not that of its definition"),
        ({"metric": None}, "metric is empty"),
    ],
)
def test_each_fault_is_one_line_with_file_row_and_remedy(tmp_path, fault, said):
    path = write(tmp_path / "bad.tsv", {**GOOD, "subject": "p-0"}, {**GOOD, **fault})
    with pytest.raises(SynthaugError) as raised:
        read_rows(path)
    (line,) = str(raised.value).splitlines()
    assert line.startswith(f"{path}: row 2 (") and said in line and ";" in line
    assert "subject p-1" in line


def test_an_interval_that_is_open_on_one_side_passes(tmp_path):
    read_rows(write(tmp_path / "rows.tsv", {**GOOD, "ci_low": 0.95}))


def test_faults_of_several_rows_are_all_said_in_their_order(tmp_path):
    path = write(
        tmp_path / "bad.tsv", {**GOOD, "p_value": 2.0}, {**GOOD, "subject": "p-2", "unit": "g", "n": -1}
    )
    with pytest.raises(SynthaugError) as raised:
        read_rows(path)
    lines = str(raised.value).splitlines()
    assert [line.split("(")[0].split(": ")[1].strip() for line in lines] == ["row 1", "row 2", "row 2"]


def test_many_faults_are_counted(tmp_path):
    path = write(tmp_path / "bad.tsv", *({**GOOD, "subject": f"p-{i}", "n": -1} for i in range(40)))
    with pytest.raises(SynthaugError) as raised:
        read_rows(path)
    lines = str(raised.value).splitlines()
    assert len(lines) == 6 and "35 more such faults" in lines[-1]


def test_a_column_of_nobody_is_refused(tmp_path):
    path = tmp_path / "rows.tsv"
    write_tsv(path, pd.DataFrame([{**GOOD, "mood": "good"}]))
    with pytest.raises(SynthaugError, match=r"rows\.tsv: unknown column 'mood'"):
        read_rows(path)
    with pytest.raises(Exception, match="mood"):  # the schema is strict by itself
        row_schema().validate(read_rows(write(path, GOOD)).assign(mood="good"))


def test_two_rows_about_the_same_in_two_files_name_both_files(tmp_path):
    files = [write(tmp_path / "a.tsv", GOOD), write(tmp_path / "b.tsv", {**GOOD, "value": 0.8})]
    with pytest.raises(SynthaugError) as raised:
        collate(files, tmp_path / "v1", {})
    (line,) = str(raised.value).splitlines()
    assert "a.tsv" in line and "b.tsv" in line and "arm real, subject p-1" in line


@pytest.mark.parametrize("suffix", ["", "_mean", "_difference"])
@pytest.mark.parametrize("metric", sorted(METRICS))
def test_columns_are_those_of_the_metric_found(metric, suffix):
    fields = columns_of(metric, suffix)
    found = find_metric(fields["metric"])
    assert found is not None
    assert (found.definition, found.unit, found.direction) == tuple(
        fields[key] for key in ("definition", "unit", "direction")
    )


def test_nobody_defines_an_unknown_metric():
    assert find_metric("beauty") is None
    assert find_metric("dicey") is None  # not dice with a suffix


def test_rows_of_the_quality_gate_pass(tmp_path):
    attempts = pd.DataFrame(
        {"accepted": [True, False], "reasons": ["", "lv_absent"], "intensity_span": 0.8, "lv_ml": [60.0, 0.0]}
    )
    write_tsv(tmp_path / "rows.tsv", acceptance_rows(attempts, generator="g"))
    assert read_rows(tmp_path / "rows.tsv")["metric"].tolist() == ["acceptance_rate", "rejected_lv_absent"]


def test_the_document_lists_the_columns_as_they_are():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == documented(text), "run python -m synthaug.tables.schema"
    assert all(f"| `{name}` |" in text for name in COLUMNS)


def test_every_status_with_a_value_is_a_status():
    (status,) = (column for column in TABLE if column.name == "status")
    assert set(VALUED_STATUSES) < set(status.among)
