"""Tables and records that jobs write, with one bit flipped: the reader names the file and the remedy, whichever bit it is."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.blob_cohorts import SLICES, blob_cohort

from synthaug.core.artifacts import (
    atomic_file,
    checksum_of,
    read_csv,
    read_json,
    read_tsv,
    write_json,
    write_tsv,
)
from synthaug.core.errors import DamagedFileError
from synthaug.data.cohort import Cohort
from synthaug.data.phenotype_columns import with_phenotypes
from synthaug.data.sentence_column import with_sentences
from synthaug.data.splits import read_split
from synthaug.data.store import TensorStore, pack
from synthaug.measures.phenotypes import gather_phenotypes, tabulate_phenotypes
from synthaug.runs import ListedRun, read_runs, write_runs
from synthaug.synthesis.gather import read_attempts
from synthaug.synthesis.requests import read_table
from synthaug.tables import make_table
from synthaug.tables.schema import read_rows
from synthaug.tasks.training_subjects import TrainingSubjects

FLIPS = 40
ROW = {
    "metric": "dice",
    "definition": "dice.native.v1",
    "unit": "1",
    "status": "ok",
    "value": 0.912345,
    "arm": "real",
}


def cohort_of(root: Path) -> Cohort:
    return Cohort.open(root / "cohort")


#: Tables and records by the file that a job writes, and what reads it, given the folder of all.
READERS: list[tuple[str, Callable[[Path], Any]]] = [
    ("fold-0.tsv", lambda root: read_split(root / "fold-0.tsv")),
    ("rows.tsv", lambda root: read_rows(root / "rows.tsv")),
    ("blob.tsv", lambda root: cohort_of(root).with_phenotypes([root / "blob.tsv"])),
    (
        "blob.tsv",
        lambda root: with_phenotypes(cohort_of(root), [root / "blob.tsv"], ["lv_edv_ml"], {}, no_split()),
    ),
    ("gathered.tsv", lambda root: cohort_of(root).with_phenotypes([root / "gathered.tsv"])),
    ("blob.tsv", lambda root: gather_phenotypes([root / "blob.tsv"], root / "again.tsv")),
    ("arm/subjects.tsv", lambda root: TrainingSubjects.read(root / "arm", cohort_of(root))),
    ("requests.tsv", lambda root: read_table(root / "requests.tsv")),
    ("sentences.tsv", lambda root: with_sentences(cohort_of(root), root / "sentences.tsv")),
    ("attempts.tsv", lambda root: read_attempts(root / "attempts.tsv")),
    ("store/subjects.tsv", lambda root: TensorStore.open(root / "store")),
    ("runs.tsv", lambda root: read_runs(root / "runs.tsv")),
    ("history.csv", lambda root: read_csv(root / "history.csv")),
    ("cohort/cohort.json", cohort_of),
    ("store/store.json", lambda root: TensorStore.open(root / "store")),
    ("arm/arm.json", lambda root: TrainingSubjects.read(root / "arm", cohort_of(root))),
]


def no_split() -> pd.DataFrame:
    return pd.DataFrame({"subject": [], "labelled": []})


def some_tables(root: Path) -> None:
    cohort = blob_cohort(root / "cohort", "blob", 3)
    subjects = cohort.subjects
    pack(cohort, root / "store", SLICES)
    split = pd.DataFrame({"subject": subjects, "patient": subjects, "dataset": "blob", "vendor": "A"})
    write_tsv(
        root / "fold-0.tsv",
        split.assign(diagnosis="NOR", labelled=True, role=["train", "validation", "test"]),
    )
    write_tsv(root / "rows.tsv", make_table([{**ROW, "subject": subject} for subject in subjects]))
    write_tsv(root / "blob.tsv", tabulate_phenotypes(cohort))
    gather_phenotypes([root / "blob.tsv"], root / "gathered.tsv")
    chosen = pd.DataFrame(
        {"subject": subjects, "cohort": "blob", "source": "real", "role": "train", "copy": pd.NA}
    )
    TrainingSubjects(chosen, {"arm": "real"}, cohort).write(root / "arm")
    write_tsv(root / "requests.tsv", pd.DataFrame({"lv_edv_ml": [140.5, 150.25], "lv_esv_ml": [60.5, 70.25]}))
    write_tsv(
        root / "sentences.tsv", pd.DataFrame({"subject": subjects, "sentence": "Dilated.", "report": pd.NA})
    )
    write_tsv(root / "attempts.tsv", pd.DataFrame({"subject": ["a"], "reasons": [""], "accepted": [True]}))
    write_runs(root / "runs.tsv", [ListedRun("split", fold=0, split=Path("splits/fold-0.tsv"))])
    with atomic_file(root / "history.csv", checksum=True) as temporary:
        temporary.write_text("iteration,loss\n1,0.5\n2,0.25\n")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    root = tmp_path_factory.mktemp("tables")
    some_tables(root)
    return root


@pytest.mark.parametrize(
    ("name", "read"), READERS, ids=[f"{n}-{name}" for n, (name, _) in enumerate(READERS)]
)
def test_a_flipped_bit_is_one_line_with_the_file_and_a_remedy(tables, name, read):
    path = tables / name
    whole = path.read_bytes()
    read(tables)
    try:
        for bit in np.random.default_rng(0).integers(8 * len(whole), size=FLIPS):
            content = bytearray(whole)
            content[bit // 8] ^= 1 << bit % 8
            path.write_bytes(content)
            with pytest.raises(DamagedFileError) as damaged:
                read(tables)
            (line,) = str(damaged.value).splitlines()
            assert path.name in line and "run again" in line
    finally:
        path.write_bytes(whole)


def test_a_lost_line_and_an_edit_are_noticed_and_an_edit_on_purpose_is_said_so(tmp_path):
    path = tmp_path / "fold-0.tsv"
    write_tsv(path, pd.DataFrame({"subject": ["a", "b"], "role": ["train", "test"]}))
    path.write_text("subject\trole\na\ttrain\n")
    with pytest.raises(
        DamagedFileError, match=r"checksum differs; if it was edited on purpose, remove \.fold-0"
    ):
        read_tsv(path)
    checksum_of(path).unlink()
    assert read_tsv(path)["subject"].tolist() == ["a"]


def test_a_table_written_again_has_the_checksum_of_its_content(tmp_path):
    path = tmp_path / "rows.tsv"
    for values in ([1], [2, 3]):
        write_tsv(path, pd.DataFrame({"value": values}))
        assert read_tsv(path)["value"].tolist() == values
        assert subprocess.run(["sha256sum", "-c", checksum_of(path).name], cwd=tmp_path).returncode == 0
    path.unlink()  # as Snakemake removes an output that it makes again
    write_tsv(path, pd.DataFrame({"value": [4]}))
    assert read_tsv(path)["value"].tolist() == [4]


def test_a_file_written_again_without_a_checksum_has_none(tmp_path):
    path = tmp_path / "record.json"
    write_json(path, {"n": 1}, checksum=True)
    write_json(path, {"n": 2})
    assert not checksum_of(path).exists() and read_json(path) == {"n": 2}


def test_no_table_stands_without_its_checksum_when_its_writer_is_killed(tmp_path, monkeypatch):
    path, replaced = tmp_path / "rows.tsv", []

    def replace(source, target):
        replaced.append(Path(target).name)
        return rename(source, target)

    rename = Path.replace
    monkeypatch.setattr(Path, "replace", replace)
    write_tsv(path, pd.DataFrame({"value": [1]}))
    assert replaced == [checksum_of(path).name, path.name]


def test_a_table_that_a_user_wrote_needs_no_checksum(tmp_path):
    (tmp_path / "requests.tsv").write_text("lv_edv_ml\tlv_esv_ml\n140.5\t60.5\n")
    assert read_table(tmp_path / "requests.tsv")["lv_edv_ml"].tolist() == [140.5]
