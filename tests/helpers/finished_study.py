"""Results of a small study as the workflow leaves them, without having run it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
import yaml
from helpers.blob_cohorts import SLICES, blob_cohort
from safetensors.torch import save_file

from synthaug.config.study import StudySettings, load_study
from synthaug.core.artifacts import sha256_file, write_json, write_text, write_tsv
from synthaug.data.splits import COLUMNS
from synthaug.data.store import pack
from synthaug.jobs.checkpoints import save_checkpoint
from synthaug.runs import model_runs
from synthaug.tables import make_table
from synthaug.tables.versions import publish, write_current

ROW = {
    "metric": "dice",
    "definition": "dice.native.v1",
    "unit": "1",
    "status": "ok",
    "value": 0.9,
    "arm": "real",
    "subject": "blob-00",
}
HEADER = '{"settings": {}, "grid": {}, "facts": {}, "seen": [], "seed": 0, "needs": {}, "content_sha256": "", "code": {}}'


def small_study() -> StudySettings:
    """One dataset, one model, one arm of real patients, one training each."""
    return load_study(
        {
            "name": "small",
            "datasets": {"blob": {"layout": "acdc", "vendor": "A", "phantom": {"subjects": 4}}},
            "models": {"features": {"kind": "masked_autoencoder", "training": {"iterations": 50}}},
            "arms": {"real": {}},
            "tasks": {"segmentation": {"kind": "segmentation", "iterations": 500, "training_seeds": [0]}},
            "evaluation": {"extractors": {"own": {"kind": "study", "model": "features"}}},
        }
    )


def write_results(checkout: Path) -> Path:
    """``results/small`` in a checkout: a cohort, its store and split, weights, a table version; the arm is in training."""
    study, folder = small_study(), checkout / "results" / "small"
    declared = study.model_dump(mode="json", exclude={"report"})
    write_json(folder / "configuration.json", declared)
    cohort = blob_cohort(folder / "cohorts" / "blob", "blob", 4, files=None)
    subjects = cohort.subjects
    hashes = {subject: {"cine": sha256_file(cohort.folders[subject] / "cine.nii.gz")} for subject in subjects}
    meta = {**cohort.meta, "files": hashes}
    write_json(folder / "cohorts" / "blob" / "cohort.json", meta)
    pack(cohort, folder / "stores" / "fold-0" / "train", SLICES)
    split = pd.DataFrame({"subject": subjects, "patient": subjects, "dataset": "blob", "vendor": "A"})
    split = split.assign(diagnosis="NOR", labelled=True, role="train")[list(COLUMNS)]
    write_tsv(folder / "splits" / "fold-0.tsv", split)
    for run in model_runs(study):
        weights = folder / run.folder / "model.safetensors"
        weights.parent.mkdir(parents=True)
        save_file({"w": torch.arange(6.0)}, weights, metadata={"synthaug": HEADER})
        write_json(
            weights.parent / "training.json",
            {"kind": "masked_autoencoder", "weights_sha256": sha256_file(weights)},
        )
    save_checkpoint(folder / arm_checkpoints() / "aaaaaaaaaaaa", 10, {"identity": {}})
    write_tsv(folder / "rows" / "scores" / "a.tsv", make_table([ROW]))
    publish(
        [folder / "rows" / "scores" / "a.tsv"],
        folder / "tables",
        {},
        lambda rows: {"configuration.yaml": yaml.safe_dump(declared)},
    )
    write_current(folder / "tables" / "current.json", "v001", {})
    write_text(folder / "raw" / "blob" / "patient.txt", "raw data")
    return folder


def arm_checkpoints() -> str:
    """Folder of the checkpoints of the arm's training, whatever its settings."""
    return "checkpoints/tasks/arm-real_fold-0_generator_seed-0_task-segmentation_training_seed-0"
