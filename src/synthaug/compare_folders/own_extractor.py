"""A feature extractor trained on the real cines that are compared, once for the same cines and settings."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthaug.config.features import MaskedAutoencoderSettings
from synthaug.core.artifacts import read_json, sha256_file, sha256_json
from synthaug.data.cohort import Cohort
from synthaug.data.store import pack


def train_once(
    cohort: Cohort,
    n_slices: int,
    settings: MaskedAutoencoderSettings,
    content: Mapping[str, Any],
    folder: Path,
    seed: int,
    threads: int,
) -> tuple[Path, bool]:
    """Train a masked autoencoder on a cohort, or find the one that was trained before.

    Parameters
    ----------
    cohort : Cohort
        Real cines on one grid.
    n_slices : int
        Slices of the highest stack.
    settings : MaskedAutoencoderSettings
        Sizes and optimisation.
    content : mapping
        JSON-able identity of the cines (hashes, grid): equal content gives equal training data.
    folder : Path
        Trainings lie here, each in a folder named after what it was trained on. One that was
        interrupted goes on from its last checkpoint.
    seed, threads : int
        As in `synthaug.training.train_model`.

    Returns
    -------
    Path
        ``model.safetensors``, beside its ``training.json`` and ``history.csv``.
    bool
        Whether it was trained now.
    """
    own_settings = settings.model_dump(mode="json")
    place = folder / sha256_json({"content": dict(content), "settings": own_settings, "seed": seed})[:16]
    weights, record = place / "model.safetensors", place / "training.json"
    # The record is written last; weights that are not those it speaks of are not read.
    if record.is_file() and weights.is_file() and read_json(record)["weights_sha256"] == sha256_file(weights):
        return weights, False
    from synthaug.training import train_model

    pack(cohort, place / "store", n_slices)
    train_model(
        settings,
        place / "store",
        {},
        weights,
        record,
        place / "history.csv",
        place / "checkpoints",
        seed=seed,
        threads=threads,
    )
    shutil.rmtree(place / "store")
    return weights, True
