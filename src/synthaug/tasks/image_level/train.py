"""Training of one arm with one seed: pre-training, then fine-tuning, a linear probe, or a random forest alone."""

from __future__ import annotations

import importlib.metadata
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthaug.config.image_tasks import ImageTaskSettings
from synthaug.core.artifacts import atomic_file, atomic_folder, sha256_file, sha256_json, write_json
from synthaug.core.code_hash import package_code
from synthaug.core.spreadsheets import write_table
from synthaug.jobs.checkpoints import remove_checkpoints
from synthaug.tasks.image_level.forest import Forest
from synthaug.tasks.image_level.network_training import PARTS, NetworkTraining
from synthaug.tasks.image_level.plan import PLAN
from synthaug.tasks.image_level.targets import targets_of
from synthaug.tasks.image_level.training_set import ARRAYS, RECORD, ROWS, TrainingData
from synthaug.tasks.training_subjects import SOURCES, expected_real_exposure

WEIGHTS, TRAINING = "model.safetensors", "training.json"
_INPUTS = {"plan": PLAN, "subjects": ROWS, "arrays": ARRAYS, "arm": RECORD}


def train_image_model(
    training_set: str | Path,
    model: str | Path,
    checkpoints: str | Path,
    settings: ImageTaskSettings,
    training_seed: int,
    threads: int = 1,
) -> None:
    """Train on an arm, or finish a training that was interrupted.

    On a CPU the same arm, settings, training seed and threads give the same weights, bit for bit, also after an
    interruption. On a GPU they do not, and seeds are repetitions.

    Parameters
    ----------
    training_set : path
        A folder that `synthaug.tasks.image_level.training_set.write_training_set` wrote.
    model : path
        Folder that receives, atomically, ``model.safetensors`` (encoder and head, or the table that a forest grows from),
        ``plan.json``, ``training.json`` (the record) and ``history.csv`` (losses; a header alone of a random forest).
    checkpoints : path
        Folder for the state of an unfinished training, outside every declared output; emptied at the end.
    settings : ImageTaskSettings
        Those that training depends on; see their `steps`.
    training_seed : int
        Seed of initial weights, sampling, masks, augmentation, and of a forest.
    threads : int
        CPU threads.

    Raises
    ------
    SystemExit
        With code `synthaug.jobs.interruption.INTERRUPTED`, after SIGTERM, SIGINT or SIGUSR1 and a checkpoint;
        calling again resumes.
    SynthaugError
        The loss is not finite; labelled subjects of one class only for a linear probe.
    """
    training_set, checkpoints = Path(training_set), Path(checkpoints)
    data = TrainingData.open(training_set)
    record = _describe(training_set, data, settings, training_seed)
    if settings.method == "random_forest":
        weights, found = _grow(data, settings, training_seed, threads)
        history = pd.DataFrame(columns=["iteration", "loss"])
    else:
        torch.set_num_threads(threads)
        identity = {"settings or training set": sha256_json(record), "code": package_code([__name__])}
        training = NetworkTraining(
            data, settings, record["iterations_of"], training_seed, checkpoints, identity
        )
        weights, found, history = training.run(_weights(data))
    from safetensors.torch import save_file

    with atomic_folder(model) as folder:
        with atomic_file(folder / WEIGHTS) as temporary:  # for its rights
            save_file(weights, temporary)
        write_json(folder / PLAN, data.plan, checksum=True)
        write_table(folder / "history.csv", history)
        measured = {**found, "threads": threads, "weights_sha256": sha256_file(folder / WEIGHTS)}
        write_json(folder / TRAINING, {**record, **measured}, checksum=True)
    for part in PARTS:
        remove_checkpoints(checkpoints / part)
    remove_checkpoints(checkpoints)


def _describe(folder: Path, data: TrainingData, settings: ImageTaskSettings, seed: int) -> dict[str, Any]:
    """What the weights depend on: a checkpoint that differs in any of it is not resumed."""
    by_source = Counter(data.sources(data.trained))
    labelled = Counter(data.sources(data.labelled))
    sampling, pretraining = data.sampling, data.pretraining_sampling
    real = data.table[data.table["source"] != "synthetic"]
    iterations = {
        "pretraining": pretraining.epochs(settings.pretraining_iterations)
        if settings.pretraining_iterations and settings.method != "random_forest"
        else 0,
        "fine_tuning": sampling.epochs(settings.iterations) if settings.method == "fine_tuning" else 0,
    }
    exposure = {"fine_tuning": expected_real_exposure(labelled, sampling)}
    if iterations["pretraining"]:
        exposure["pretraining"] = expected_real_exposure(by_source, pretraining)
    return {
        "arm": data.record,
        "kind": settings.kind,
        "method": settings.method,
        "synthetic": settings.synthetic,
        "settings": settings.model_dump(mode="json", exclude={"training_seeds", "checkpoint_minutes"}),
        "training_seed": seed,
        "iterations": max(1, sum(iterations.values())),
        "iterations_of": iterations,
        "subjects": {source: by_source[source] for source in SOURCES},
        "labelled_subjects": {source: labelled[source] for source in SOURCES},
        "left_out": data.record["left_out"],
        "expected_real_exposure": exposure,
        "seen": sorted({*real["subject"].astype(str), *data.record["generator_seen"]}),
        "validation_subjects": data.table["subject"].iloc[data.validation].astype(str).tolist(),
        **{f"{name}_sha256": sha256_file(folder / file) for name, file in _INPUTS.items()},
        "torch": torch.__version__,
        "scikit_learn": importlib.metadata.version("scikit-learn"),
    }


def _weights(data: TrainingData) -> np.ndarray:
    """Weight of each labelled subject, 1 on average, for a method without iterations."""
    probabilities = data.sampling.probabilities(data.sources(data.labelled), pretraining=False)
    n = len(data.labelled)
    return np.ones(n) if probabilities is None else probabilities * n


def _grow(
    data: TrainingData, settings: ImageTaskSettings, seed: int, threads: int
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The table that the forest grows from, and the forest's record."""
    table = {
        "features": data.features[data.labelled],
        "values": data.targets[data.labelled],
        "weights": _weights(data),
    }
    started, targets = time.perf_counter(), targets_of(data.plan)
    forest = Forest(
        targets, table["features"], table["values"], table["weights"], settings.trees, seed, threads
    )
    validation = data.validation
    figures = {}
    if len(validation):
        figures = targets.figures(forest.predict(data.features[validation]), data.targets[validation])
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in table.items()}
    found = {"trees": settings.trees, "forest_sha256": forest.fingerprint, "figures": figures}
    return tensors, {**found, "seconds": round(time.perf_counter() - started, 2)}
