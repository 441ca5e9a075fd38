"""Files that jobs read, emptied or cut short: one line names the file and the remedy, whatever kind it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.blob_cohorts import SLICES, blob_cohort
from helpers.made_predictions import moved, write_predictions
from safetensors.torch import save_file

from synthaug.core.artifacts import read_csv, write_json, write_text, write_tsv
from synthaug.core.errors import DamagedFileError, SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split
from synthaug.data.store import TensorStore, check_contents, pack
from synthaug.features.files import FeatureSet, read_features
from synthaug.generators import load as load_generator
from synthaug.jobs.benchmark_files import read_seconds
from synthaug.measures.attention_examples import Example, read_examples, write_examples
from synthaug.measures.scoring import predicted_files, read_prediction
from synthaug.models.weights import read_header
from synthaug.preflight.lost_records import check_records
from synthaug.runs import ListedRun, read_runs, write_runs
from synthaug.synthesis.gather import read_attempts
from synthaug.synthesis.requests import read_table
from synthaug.tables import make_table
from synthaug.tables.collate import read_version
from synthaug.tables.schema import read_rows
from synthaug.tables.versions import current_version, publish, write_current

ROW = {
    "metric": "dice",
    "definition": "dice.native.v1",
    "unit": "1",
    "status": "ok",
    "value": 0.912345,
    "arm": "real",
    "subject": "a-1",
}


def some_files(root: Path) -> None:
    cohort = blob_cohort(root / "cohort", "blob", 2)
    pack(cohort, root / "store", SLICES)
    write_predictions(root / "predictions", cohort, moved)
    split = pd.DataFrame({"subject": cohort.subjects, "patient": cohort.subjects, "dataset": "blob"})
    write_tsv(root / "split.tsv", split.assign(vendor="A", diagnosis="NOR", labelled=True, role="train"))
    FeatureSet(("a",), {"frames": [np.arange(6.0).reshape(2, 3)]}, "own").write(root / "features.npz")
    plane = np.arange(12.0).reshape(3, 4)
    write_examples(root / "examples.npz", [Example("attention", "a", "dilated", plane, plane, plane > 3)])
    write_tsv(root / "rows.tsv", make_table([ROW]))
    publish([root / "rows.tsv"], root / "tables", {})
    write_current(root / "tables" / "current.json", "v001", {})
    write_json(root / "training.json", {"kind": "autoencoder", "iterations": 4})
    write_text(root / "history.csv", "iteration,loss\n1,0.5\n2,0.25\n")
    write_text(root / "times.tsv", "s\th:m:s\n12.25\t0:00:12\n")
    write_json(
        root / "generator" / "generator.json",
        {"settings": {"kind": "external", "folder": "/x"}, "models": {}},
    )
    write_runs(root / "runs.tsv", [ListedRun("split", fold=0, split=Path("splits/fold-0.tsv"))])
    write_json(root / "results" / "configuration.json", {"name": "s"})
    write_tsv(root / "requests.tsv", pd.DataFrame({"lv_edv_ml": [140.5, 150.25], "lv_esv_ml": [60.5, 70.25]}))
    write_tsv(root / "attempts.tsv", pd.DataFrame({"subject": ["a"], "reasons": [""], "accepted": [True]}))
    save_file({"w": torch.arange(6.0)}, root / "model.safetensors", metadata={"synthaug": HEADER})


HEADER = '{"settings": {}, "grid": {}, "facts": {}, "seen": [], "seed": 0, "needs": {}, "content_sha256": "", "code": {}}'
CINE = "cohort/sub-blob-00/cine.nii.gz"


def array_of(values: np.ndarray) -> str:
    return np.asarray(values).tobytes().hex()


def store_of(root: Path) -> list[str]:
    store = TensorStore.open(root / "store")
    return [array_of(store.images), array_of(store.labels), array_of(store.slice_mask), store.table.to_csv()]


def contents_of(root: Path) -> None:
    check_contents(root / "store")


def predicted(root: Path) -> list[str]:
    found = predicted_files(root / "predictions")["blob-00"][0]["file"]
    prediction = read_prediction(found, Cohort.open(root / "cohort").cine("blob-00").shape[1:])
    assert prediction is not None
    return [array_of(prediction)]


def generator_of(root: Path) -> str:
    try:
        return str(load_generator(root / "generator"))
    except DamagedFileError:
        raise
    except SynthaugError as error:  # nothing is built of these settings; how they are read is what counts
        return str(error)


def examples_of(root: Path) -> list[str]:
    return [array_of(example.image) for example in read_examples(root / "examples.npz")]


#: What is read, by file and reader: results compare equal where they are.
READERS: list[tuple[str, Callable[[Path], Any]]] = [
    (CINE, lambda root: array_of(Cohort.open(root / "cohort").cine("blob-00"))),
    (CINE, lambda root: Cohort.open(root / "cohort").frame_duration_s("blob-00")),
    (
        CINE.replace("cine", "labels"),
        lambda root: array_of(Cohort.open(root / "cohort").label_cine("blob-00")),
    ),
    ("cohort/cohort.json", lambda root: Cohort.open(root / "cohort").meta),
    ("cohort/subjects.tsv", lambda root: Cohort.open(root / "cohort").table.to_csv()),
    ("cohort.tsv", lambda root: Cohort.open(root / "cohort").with_phenotypes([root / "cohort.tsv"]).subjects),
    ("split.tsv", lambda root: read_split(root / "split.tsv").to_csv()),
    ("store/store.json", store_of),
    ("store/images.npy", store_of),
    ("store/slice_mask.npy", store_of),
    ("store/subjects.tsv", store_of),
    ("store/store.json", contents_of),
    ("store/labels.npy", contents_of),
    ("features.npz", lambda root: array_of(read_features(root / "features.npz").features["frames"][0])),
    ("examples.npz", examples_of),
    ("rows.tsv", lambda root: read_rows(root / "rows.tsv").to_csv()),
    ("tables/current.json", lambda root: str(current_version(root / "tables" / "current.json"))),
    ("tables/v001/SHA256SUMS", lambda root: read_version(root / "tables" / "v001").to_csv()),
    ("tables/v001/rows.parquet", lambda root: read_version(root / "tables" / "v001").to_csv()),
    ("predictions/predictions.json", predicted),
    ("predictions/blob-00_f000.nii.gz", predicted),
    ("history.csv", lambda root: read_csv(root / "history.csv").to_csv()),
    ("times.tsv", lambda root: read_seconds(root / "times.tsv")),
    ("generator/generator.json", generator_of),
    ("runs.tsv", lambda root: read_runs(root / "runs.tsv")),
    ("results/configuration.json", lambda root: check_records(root / "results", {"name": "s"}, root)),
    ("requests.tsv", lambda root: read_table(root / "requests.tsv").to_csv()),
    ("attempts.tsv", lambda root: read_attempts(root / "attempts.tsv").to_csv()),
    ("model.safetensors", lambda root: read_header(root / "model.safetensors")),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    root = tmp_path_factory.mktemp("files")
    some_files(root)
    return root


def cut(content: bytes) -> dict[str, bytes]:
    """Nothing, half without the line break that it may end with, and all but the last byte."""
    return {
        "empty": b"",
        "half": content[: len(content) // 2].rstrip(b"\r\n"),
        "one byte less": content[:-1],
    }


@pytest.mark.parametrize(
    ("name", "read"), READERS, ids=[f"{n}-{name}" for n, (name, _) in enumerate(READERS)]
)
def test_a_cut_file_is_one_line_with_its_name_and_a_remedy(files, name, read):
    path = files / name
    whole = path.read_bytes()
    expected = read(files)
    try:
        for how, content in cut(whole).items():
            path.write_bytes(content)
            try:
                found = read(files)
            except SynthaugError as error:
                lines = str(error).splitlines()
                assert len(lines) == 1 and path.name in lines[0] and ";" in lines[0], (how, lines)
            else:  # what was lost says nothing: a line break behind JSON, voxels behind a header
                assert how != "empty" and found == expected, how
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("seconds", ["-", "NA", "nan"])
def test_a_job_that_snakemake_did_not_see_end_has_no_time(tmp_path, seconds):
    write_text(tmp_path / "times.tsv", f"s\th:m:s\n{seconds}\t-\n")
    with pytest.raises(DamagedFileError, match=r"times\.tsv"):
        read_seconds(tmp_path / "times.tsv")
