"""What changed between two table versions, and which recorded facts explain it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from synthaug.cli import main
from synthaug.core.artifacts import write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.core.provenance import git_state, seeds_of
from synthaug.metric_registry import columns_of
from synthaug.tables import make_table
from synthaug.tables.collate import collate
from synthaug.tables.diff import as_text, compare_rows, compare_versions, explain

PATIENT = {**columns_of("dice"), "status": "ok", "arm": "plus", "fold": 0, "training_seed": 0}
MEAN = {**columns_of("dice", "_mean"), "status": "ok", "arm": "plus", "ci_low": 0.8, "ci_high": 0.9}
VERDICT = {**columns_of("dice", "_difference"), "status": "ok", "arm": "plus", "versus": "plus-repeated"}
DISTANCE = {**columns_of("fid"), "status": "ok", "generator": "g", "versus": "real train"}


def rows(patient=0.9, mean=0.85, verdict=0.02, fid=3.0, extractor="mae-1") -> pd.DataFrame:
    return make_table(
        [
            {**PATIENT, "subject": "p-1", "value": patient},
            {**MEAN, "value": mean},
            {**VERDICT, "value": verdict, "ci_low": 0.01, "ci_high": 0.03},
            {**DISTANCE, "value": fid, "extractor": extractor},
        ]
    )


RECORDS = {
    "configuration.yaml": "name: s\nsegmentation: {iterations: 250, training_seeds: [0, 1]}\n",
    "environment.lock": "numpy==2.1\ntorch==2.10\n",
    "data_manifest.tsv": "kind\tname\tsubject\tfile\tsha256\nreal\tacdc\tp-1\tcine.nii.gz\taaaa\n",
    "code_manifest.tsv": "file\tsha256\nsynthaug/a.py\taaaa\nsynthaug/b.py\tbbbb\n",
    "trainings.tsv": (
        "role\tname\tfold\tgenerator_seed\ttraining_seed\tkind\tdevice\titerations\tseconds\ttorch\tweights_sha256\n"
        "segmentation\tplus\t0\t0\t0\t\tcpu\t250\t9.5\t2.10\tffff\n"
    ),
}
PROVENANCE = {"study": "s", "git": {"commit": "c0ffee", "dirty": False}, "python": "3.12"}


def version(folder: Path, table: pd.DataFrame, provenance=PROVENANCE, **records: tuple[str, str]) -> Path:
    """A table version; of each named record the first text is replaced by the second."""
    texts = dict(RECORDS)
    for name, (old, new) in records.items():
        (file,) = (file for file in RECORDS if file.startswith(name))
        assert old in texts[file]
        texts[file] = texts[file].replace(old, new)
    write_tsv(folder.with_suffix(".tsv"), table)
    collate([folder.with_suffix(".tsv")], folder, provenance, lambda _: texts)
    return folder


# --- numbers ------------------------------------------------------------------------------------


def test_equal_rows_do_not_differ():
    found = compare_rows(rows(), rows())
    assert not found and found.same == 4


def test_a_change_has_its_size_and_what_a_verdict_rests_on_comes_first():
    found = compare_rows(rows(), rows(patient=0.1, mean=0.86, verdict=0.03, fid=300.0))
    assert [change.about.split(",")[0] for change in found.changed] == [
        "dice_difference",
        "dice_mean",
        "fid",
        "dice",
    ]
    assert found.changed[0].size == pytest.approx(0.01)
    assert found.changed[2].size == pytest.approx(297)


def test_of_equal_rank_the_larger_change_in_intervals_comes_first():
    narrow = {**MEAN, "arm": "narrow", "ci_low": 0.849, "ci_high": 0.851}
    tables = [
        make_table([{**MEAN, "value": 0.85 + step}, {**narrow, "value": 0.85 + step / 2}])
        for step in (0, 0.01)
    ]
    found = compare_rows(*tables)
    assert [change.about for change in found.changed] == ["dice_mean, arm narrow", "dice_mean, arm plus"]


def test_a_value_that_became_a_failure_is_a_change_without_a_size():
    after = rows()
    after.loc[1, ["value", "ci_low", "ci_high"]] = None
    after.loc[1, "status"] = "failed"
    (change,) = compare_rows(rows(), after).changed
    assert change.columns["status"] == ("ok", "failed")
    assert change.columns["value"] == (0.85, None) and change.size is None


def test_rows_gained_and_lost_are_named():
    found = compare_rows(rows().iloc[1:], rows().iloc[:-1])
    assert found.gained == ["dice, arm plus, fold 0, training seed 0, subject p-1"]
    assert found.lost == ["fid, versus real train, generator g, extractor mae-1"]
    assert found.same == 2 and not found.changed


def test_a_retrained_extractor_changes_a_row_and_does_not_replace_it():
    found = compare_rows(rows(), rows(fid=3.5, extractor="mae-2"))
    assert not found.gained and not found.lost
    (change,) = found.changed
    assert change.columns == {"value": (3.0, 3.5), "extractor": ("mae-1", "mae-2")}


def test_the_order_of_rows_is_no_difference():
    assert not compare_rows(rows(), rows().iloc[::-1])


# --- reasons ------------------------------------------------------------------------------------


def reasons(tmp_path: Path, provenance=PROVENANCE, **records) -> list[tuple[str, ...]]:
    before = version(tmp_path / "a", rows())
    return [tuple(found) for found in explain(before, version(tmp_path / "b", rows(), provenance, **records))]


def test_nothing_recorded_differs(tmp_path):
    assert reasons(tmp_path) == []


@pytest.mark.parametrize(
    ("record", "change", "expected"),
    [
        (
            "configuration",
            ("iterations: 250", "iterations: 500"),
            ("configuration", "segmentation.iterations", "250", "500"),
        ),
        ("configuration", ("[0, 1]", "[0, 2]"), ("seeds", "segmentation.training_seeds", "[0, 1]", "[0, 2]")),
        ("environment", ("torch==2.10", "torch==2.11"), ("environment", "torch", "2.10", "2.11")),
        ("environment", ("numpy==2.1\n", ""), ("environment", "numpy", "2.1", "(absent)")),
        ("data", ("aaaa", "cccc"), ("data", "real acdc p-1 cine.nii.gz", "aaaa", "cccc")),
        ("code", ("bbbb", "cccc"), ("code", "synthaug/b.py", "bbbb", "cccc")),
        (
            "trainings",
            ("ffff", "eeee"),
            (
                "trainings",
                "segmentation plus, fold 0, generator seed 0, training seed 0",
                "weights ffff",
                "weights eeee",
            ),
        ),
        (
            "trainings",
            ("cpu", "cuda"),
            (
                "machine",
                "device of segmentation plus, fold 0, generator seed 0, training seed 0",
                "cpu",
                "cuda",
            ),
        ),
    ],
)
def test_each_recorded_fact_that_differs_is_one_reason(tmp_path, record, change, expected):
    assert reasons(tmp_path, **{record: change}) == [expected]


def test_a_version_of_other_columns_is_said_in_one_line(tmp_path):
    with pytest.raises(
        SynthaugError, match=r"b/trainings.tsv: lacks 'training_seed'.*collate the study again"
    ):
        reasons(tmp_path, trainings=("training_seed", "seed"))


def test_the_time_that_a_training_took_is_no_reason(tmp_path):
    assert reasons(tmp_path, trainings=("9.5", "11.5")) == []


def test_another_commit_and_edits_are_reasons(tmp_path):
    edited = {**PROVENANCE, "git": {"commit": "c0ffee", "dirty": True}}
    assert reasons(tmp_path, edited) == [("code", "commit", "c0ffee", "c0ffee with edits")]


def test_what_one_version_did_not_record_is_said(tmp_path):
    write_tsv(tmp_path / "old.tsv", rows())
    collate([tmp_path / "old.tsv"], tmp_path / "old", PROVENANCE)
    found = explain(tmp_path / "old", version(tmp_path / "new", rows()))
    assert {(reason.kind, reason.what) for reason in found} == {("unrecorded", name) for name in RECORDS}


# --- words and the command line -------------------------------------------------------------------


@pytest.fixture
def study(tmp_path: Path) -> Path:
    tables = tmp_path / "results" / "s" / "tables"
    tables.mkdir(parents=True)
    version(tables / "v001", rows())
    version(tables / "v002", rows(verdict=0.05), configuration=("250", "500"))
    version(tables / "v003", rows(verdict=0.06), configuration=("250", "500"))
    version(tables / "v004", rows(verdict=0.06), configuration=("250", "500"), environment=("2.10", "2.11"))
    return tables.parent


def test_diff_says_what_changed_and_why(study, capsys):
    assert main(["diff", "v001", "v002", "--study", str(study)]) == 1
    said = capsys.readouterr().out
    assert "1 changed, 0 gained, 0 lost, 3 the same" in said
    assert "dice_difference, arm plus, versus plus-repeated: 0.02 → 0.05 (+0.03)" in said
    assert "segmentation.iterations: 250 → 500" in said
    assert "Nothing recorded explains" not in said


def test_diff_admits_what_nothing_explains(study, capsys):
    assert main(["diff", "v002", "v003", "--study", str(study)]) == 1
    said = capsys.readouterr().out
    assert "Nothing recorded explains this" in said and "GPU" in said


def test_new_weights_alone_explain_nothing_but_another_device_does(tmp_path):
    before = version(tmp_path / "a", rows())
    weights = version(tmp_path / "b", rows(verdict=0.05), trainings=("ffff", "eeee"))
    device = version(tmp_path / "c", rows(verdict=0.05), trainings=("cpu", "cuda"))
    synthetic = ("real\tacdc", "synthetic\tg")
    made = [version(tmp_path / n, rows(verdict=v), data=synthetic) for n, v in (("d", 0.1), ("e", 0.2))]
    assert not compare_versions(before, weights).explained
    assert "weights ffff → weights eeee" in as_text(compare_versions(before, weights))
    assert compare_versions(before, device).explained
    assert not compare_versions(*made).explained


def test_diff_of_equal_numbers_exits_with_0_and_still_tells_the_facts(study, capsys):
    assert main(["diff", "v003", "v004", "--study", str(study)]) == 0
    said = capsys.readouterr().out
    assert "No difference: the same 4 rows" in said and "torch: 2.10 → 2.11" in said


def test_diff_by_folder_as_json(study, capsys):
    paths = [str(study / "tables" / name) for name in ("v001", "v002")]
    assert main(["diff", *paths, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    (change,) = found["changed"]
    assert change["columns"] == {"value": {"before": 0.02, "after": 0.05}}
    assert change["size"] == pytest.approx(0.03)
    assert found["explained"] and found["reasons"][0]["what"] == "segmentation.iterations"


def test_diff_shows_ten_lines_of_a_kind_and_all_on_demand(tmp_path, capsys):
    tables = [
        make_table({**PATIENT, "subject": f"p-{i:02d}", "value": value} for i in range(25))
        for value in (0.8, 0.9)
    ]
    paths = [str(version(tmp_path / name, table)) for name, table in zip("ab", tables, strict=True)]
    main(["diff", *paths])
    said = capsys.readouterr().out
    assert said.count("subject p-") == 10 and "and 15 more; --all shows them" in said
    main(["diff", *paths, "--all"])
    assert capsys.readouterr().out.count("subject p-") == 25


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["v001", "v009"], "has no version v009; it has v001, v002, v003, v004"),
        (["v001", "current"], "has no version current"),
    ],
)
def test_diff_of_what_is_not_there_exits_with_2(study, capsys, arguments, said):
    assert main(["diff", *arguments, "--study", str(study)]) == 2
    assert said in capsys.readouterr().err


def test_diff_without_a_study_needs_folders(capsys):
    assert main(["diff", "v001", "v002"]) == 2
    assert "--study" in capsys.readouterr().err


def test_diff_refuses_an_edited_version(study, capsys):
    table = study / "tables" / "v001" / "configuration.yaml"
    table.write_text(table.read_text() + "# edited\n")
    assert main(["diff", "v001", "v002", "--study", str(study)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "v001/configuration.yaml: is not what was collated" in line


# --- what is recorded ---------------------------------------------------------------------------


def test_seeds_are_found_wherever_they_are():
    content = {
        "split": {"seed": 3},
        "arms": [{"training_seeds": [0, 1]}],
        "seed": 4,
        "other": {"seedling": 9},
    }
    assert dict(seeds_of(content)) == {"split.seed": 3, "arms.0.training_seeds": [0, 1], "seed": 4}


def test_outside_a_checkout_there_is_no_commit(tmp_path):
    assert git_state(tmp_path)["commit"] is None
