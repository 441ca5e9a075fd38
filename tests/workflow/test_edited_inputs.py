"""A file of the user's that was edited: the jobs that read it are planned again, and no others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from checkout import TINY, copy_repository

pytestmark = pytest.mark.workflow

STUDY = "config/studies/edited.yaml"
FINISHED, EDITED = 1_700_000_000, 1_700_000_100
ENCODER = "results/tiny/models/clip/fold-0/generator-seed-0"
FEATURES = "results/tiny/features/pair/fold-0/real.npz"
SENSITIVITY = "results/tiny/rows/metric-sensitivity/pair_fold-0.tsv"
REQUESTS = "results/tiny/synthetic/cascade/fold-0/generator-seed-0/requests/0"
#: Inputs and outputs of jobs that read what the user supplies; their contents count for nothing here.
RESULTS = (
    *("results/tiny/raw/phantom-a/", "results/tiny/raw/phantom-b/"),
    *("results/tiny/cohorts/phantom-a/", "results/tiny/cohorts/phantom-b/"),
    *("results/tiny/splits/fold-0.tsv", "results/tiny/splits/duplicates.tsv"),
    *("results/tiny/stores/fold-0/train/", "results/tiny/stores/fold-0/validation/"),
    *(f"{ENCODER}/{name}" for name in ("model.safetensors", "training.json", "history.csv")),
    *(
        FEATURES,
        *(f"results/tiny/features/pair/fold-0/{name}.npz" for name in ("frames-shuffled", "blurred")),
    ),
    *(SENSITIVITY, f"{REQUESTS}/"),
)
READ = {"extract_real_features", "measure_metric_sensitivity", "train_model"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The tiny study with an image-text model and a table of requests, as if the jobs that read them were done."""
    checkout = copy_repository(tmp_path_factory.mktemp("edited") / "synthaug")
    supplied = [f"clip/{name}" for name in ("model.safetensors", "tokenizer.json", "README.md")] + [
        "requests.tsv"
    ]
    for name in [*RESULTS, *supplied]:
        write(checkout.root / name, FINISHED)
    study = yaml.safe_load((checkout.root / TINY).read_text())
    pair = {"weights": "clip/model.safetensors", "sha256": "0" * 64}
    study["models"]["clip"] = {"kind": "clip_text", **pair}
    study["evaluation"]["extractors"]["pair"] = {"kind": "image_text", **pair}
    study["synthesis"]["requests"] = {"source": "table", "table": "requests.tsv"}
    (checkout.root / STUDY).write_text(yaml.safe_dump(study))
    return checkout


def write(path: Path, time: int) -> None:
    """Write a file, or a folder with a file in it, of a given time."""
    made = path if path.suffix else path / "subjects.tsv"
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_text(f"written at {time}\n")
    for changed in {made, path}:
        os.utime(changed, (time, time))


@pytest.mark.parametrize(
    "edited, rules",
    [
        ("clip/README.md", set()),
        ("clip/model.safetensors", READ),
        ("clip/tokenizer.json", READ),
        ("requests.tsv", {"plan_requests"}),
    ],
)
def test_only_jobs_that_read_an_edited_file_are_planned_again(checkout, edited, rules):
    write(checkout.root / edited, EDITED)
    planned = checkout.would_run(STUDY, "--", SENSITIVITY, FEATURES, f"{ENCODER}/training.json", REQUESTS)
    write(checkout.root / edited, FINISHED)
    assert planned == dict.fromkeys(rules, 1)
