"""Training of one arm with one seed: pre-training, then fine-tuning, a linear probe, or a random forest alone."""

from __future__ import annotations

import importlib.metadata
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthaug.config.features import MaskedAutoencoderSettings
from synthaug.config.image_tasks import ImageTaskSettings
from synthaug.config.training import TrainingSettings
from synthaug.core.artifacts import atomic_folder, sha256_file, sha256_json, write_json
from synthaug.core.checkpoints import load_checkpoint, remove_checkpoints, save_checkpoint
from synthaug.core.interruption import INTERRUPTED
from synthaug.models.base import Grid, TrainableModel, to_device
from synthaug.networks.subject_encoder import SubjectEncoder
from synthaug.tasks.image_level.forest import Forest
from synthaug.tasks.image_level.linear_probe import fit_probe
from synthaug.tasks.image_level.models import FineTuning, Pretraining
from synthaug.tasks.image_level.plan import PLAN
from synthaug.tasks.image_level.targets import targets_of
from synthaug.tasks.image_level.training_set import ARRAYS, RECORD, ROWS, TrainingData
from synthaug.tasks.sampling import Sampling
from synthaug.tasks.training_subjects import SOURCES, expected_real_exposure
from synthaug.training.devices import describe, make_accelerator, precision_of
from synthaug.training.loop import Draw, Loop
from synthaug.training.schedule import draw_indices
from synthaug.training.train import take_steps

WEIGHTS, TRAINING = "model.safetensors", "training.json"
#: Share of the iterations over which the learning rate rises.
_WARMUP = 0.05
_SUBJECTS_AT_ONCE = 4


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
        With code `synthaug.core.interruption.INTERRUPTED`, after SIGTERM, SIGINT or SIGUSR1 and a checkpoint;
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
        weights, found, history = _train_network(data, settings, training_seed, checkpoints, record)
    from safetensors.torch import save_file

    with atomic_folder(model) as folder:
        save_file(weights, folder / WEIGHTS)
        write_json(folder / PLAN, data.plan)
        history.to_csv(folder / "history.csv", index=False, lineterminator="\n")
        measured = {**found, "threads": threads, "weights_sha256": sha256_file(folder / WEIGHTS)}
        write_json(folder / TRAINING, {**record, **measured})
    for part in ("pretraining", "fine-tuning"):
        remove_checkpoints(checkpoints / part)
    remove_checkpoints(checkpoints)


def _describe(folder: Path, data: TrainingData, settings: ImageTaskSettings, seed: int) -> dict[str, Any]:
    """What the weights depend on: a checkpoint that differs in any of it is not resumed."""
    by_source = Counter(data.sources(data.trained))
    labelled = Counter(data.sources(data.labelled))
    sampling, pretraining = _samplings(data)
    real = data.table[data.table["source"] != "synthetic"]
    iterations = {
        "pretraining": pretraining.epochs(settings.pretraining_iterations)
        if settings.pretraining_iterations and settings.method != "random_forest"
        else 0,
        "fine_tuning": sampling.epochs(settings.iterations) if settings.method == "fine_tuning" else 0,
    }
    return {
        "arm": data.record,
        "kind": settings.kind,
        "method": settings.method,
        "synthetic": settings.synthetic,
        "settings": settings.model_dump(mode="json", exclude={"training_seeds"}),
        "training_seed": seed,
        "iterations": max(1, sum(iterations.values())),
        "iterations_of": iterations,
        "subjects": {source: by_source[source] for source in SOURCES},
        "labelled_subjects": {source: labelled[source] for source in SOURCES},
        "left_out": data.record["left_out"],
        "expected_real_exposure": {
            "pretraining": expected_real_exposure(by_source, pretraining),
            "fine_tuning": expected_real_exposure(labelled, sampling),
        },
        "seen": sorted({*real["subject"].astype(str), *data.record["generator_seen"]}),
        "validation_subjects": data.table["subject"].iloc[data.validation].astype(str).tolist(),
        **{f"{name}_sha256": sha256_file(folder / file) for name, file in _FILES.items()},
        "torch": torch.__version__,
        "scikit_learn": importlib.metadata.version("scikit-learn"),
    }


_FILES = {"plan": PLAN, "subjects": ROWS, "arrays": ARRAYS, "arm": RECORD}


def _samplings(data: TrainingData) -> tuple[Sampling, Sampling]:
    """How fine-tuning and pre-training draw."""
    return Sampling(**data.record["sampling"]), Sampling(**data.record["pretraining_sampling"])


def _weights(data: TrainingData) -> np.ndarray:
    """Weight of each labelled subject, 1 on average, for a method without iterations."""
    probabilities = _samplings(data)[0].probabilities(data.sources(data.labelled), pretraining=False)
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


def _train_network(
    data: TrainingData, settings: ImageTaskSettings, seed: int, checkpoints: Path, record: dict[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any], pd.DataFrame]:
    """Weights, record and losses of a network."""
    assert data.images is not None
    started = time.perf_counter()
    sampling, pretraining_sampling = _samplings(data)
    identity = sha256_json(record)
    sizes = network_settings(settings, data.plan)
    grid = grid_of(data.plan)
    images = data.table["image"].to_numpy(int)
    first = _part(settings, record["iterations_of"]["pretraining"], pretraining=True)
    precision = precision_of(first)
    device = make_accelerator(precision).device
    torch.manual_seed(seed)
    pretraining = Pretraining(sizes, grid, data.images, images[data.trained])
    before, rows = 0.0, []
    if record["iterations_of"]["pretraining"]:
        loop, earlier = _run(
            pretraining,
            first,
            data,
            data.trained,
            pretraining_sampling,
            seed,
            checkpoints / "pretraining",
            identity,
        )
        before += earlier
        rows += [_history_row(row, 0, "pretraining_loss") for row in loop.rows]
    targets, chosen = targets_of(data.plan), data.labelled
    heights = data.table["height"].to_numpy(float)
    torch.manual_seed(seed)
    tuned = FineTuning(
        sizes,
        grid,
        pretraining.network,
        targets,
        data.images,
        images[chosen],
        heights[chosen],
        data.targets[chosen],
        settings.augmentation,
    )
    if settings.method == "fine_tuning":
        second = _part(settings, record["iterations_of"]["fine_tuning"], pretraining=False)
        loop, earlier = _run(
            tuned, second, data, chosen, sampling, seed, checkpoints / "fine-tuning", identity
        )
        before += earlier
        rows += [_history_row(row, record["iterations_of"]["pretraining"], "loss") for row in loop.rows]
    else:
        to_device(tuned, device)
        features = _describe_rows(tuned.network, data, chosen)
        weight, bias = fit_probe(targets, features, data.targets[chosen], _weights(data), settings.penalty)
        with torch.no_grad():
            tuned.network.head.weight.copy_(torch.from_numpy(weight))
            tuned.network.head.bias.copy_(torch.from_numpy(bias))
    figures = {}
    if len(data.validation):
        described = _describe_rows(tuned.network, data, data.validation)
        head = tuned.network.head
        outputs = described @ head.weight.detach().cpu().double().numpy().T
        outputs = outputs + head.bias.detach().cpu().double().numpy()
        figures = targets.figures(targets.predictions(outputs), data.targets[data.validation])
    found = {
        "figures": figures,
        "parameters": sum(parameter.numel() for parameter in tuned.network.parameters()),
        **describe(make_accelerator(precision)),
        "precision": precision,
        "seconds": round(before + time.perf_counter() - started, 2),
    }
    weights = {name: value.detach().cpu().contiguous() for name, value in tuned.network.state_dict().items()}
    return weights, found, pd.DataFrame(rows)


def _part(settings: ImageTaskSettings, iterations: int, pretraining: bool) -> TrainingSettings:
    """Optimisation of one part of the training."""
    return TrainingSettings(
        iterations=max(1, iterations),
        batch_size=settings.pretraining_batch_size if pretraining else settings.batch_size,
        learning_rate=settings.pretraining_learning_rate if pretraining else settings.learning_rate,
        warmup_iterations=round(_WARMUP * iterations),
        weight_decay=settings.weight_decay,
        checkpoint_every=settings.checkpoint_every,
    )


def _run(
    model: TrainableModel,
    part: TrainingSettings,
    data: TrainingData,
    chosen: np.ndarray,
    sampling: Sampling,
    seed: int,
    checkpoints: Path,
    identity: str,
) -> tuple[Loop, float]:
    """Take the remaining steps of one part and put the averaged weights into the model; seconds of earlier processes."""
    accelerator = make_accelerator(precision_of(part))
    to_device(model, accelerator.device)
    model.train()
    draw = drawing(sampling, data.sources(chosen), part.iterations)
    loop = Loop(model, part, accelerator, draw)
    state = load_checkpoint(checkpoints, identity)
    loop.resume(state)
    earlier = loop.seconds
    subjects = data.table["subject"].iloc[chosen].astype(str).tolist()
    if take_steps(loop, subjects, seed, checkpoints, identity):
        done = f"{checkpoints.name}: {loop.iteration} of {part.iterations} iterations"
        print(f"interrupted in {done}; run again to go on", file=sys.stderr)
        raise SystemExit(INTERRUPTED)
    if state is None or state["iteration"] < part.iterations:
        # The other part may be interrupted: this one is not trained again.
        save_checkpoint(checkpoints, loop.iteration, {"identity": identity, **loop.state()})
    loop.use_average()
    return loop, earlier


def drawing(sampling: Sampling, sources: Sequence[str], iterations: int) -> Draw:
    """How the training loop draws the subjects of a batch.

    Parameters
    ----------
    sampling : Sampling
        Of the arm.
    sources : sequence of str
        Source of each subject.
    iterations : int
        Of this part of the training.

    Returns
    -------
    callable
        All subjects alike: every one once before any comes again. Otherwise each draw is independent, with the
        probabilities of the sampling.

    Raises
    ------
    SynthaugError
        As `Sampling.probabilities` and `Sampling.pretraining_epochs`.
    """
    before = sampling.pretraining_epochs(iterations)
    early = sampling.probabilities(sources, pretraining=True) if before else None
    late = sampling.probabilities(sources, pretraining=False)
    if late is None:
        return draw_indices

    def draw(count: int, batch_size: int, position: int, seed: int) -> list[int]:
        probabilities = early if position < before else late
        random = np.random.default_rng([seed, position])
        return [int(index) for index in random.choice(count, size=batch_size, p=probabilities)]

    return draw


def network_settings(settings: ImageTaskSettings, plan: dict[str, Any]) -> MaskedAutoencoderSettings:
    """Sizes of the network, with the patch that was planned."""
    return MaskedAutoencoderSettings(
        kind="masked_autoencoder",
        patch=tuple(plan["patch"]),
        **{
            key: getattr(settings, key)
            for key in (
                "width",
                "depth",
                "heads",
                "decoder_width",
                "decoder_depth",
                "mask_fraction",
                "order_weight",
            )
        },
    )


def grid_of(plan: dict[str, Any]) -> Grid:
    """Grid of the clips; their spacing, which no model here reads, is given as 1 mm."""
    slices, frames, y, x = plan["clips"]
    return Grid(frames, slices, y, x, (1.0, 1.0, 1.0))


@torch.inference_mode()
def _describe_rows(network: SubjectEncoder, data: TrainingData, rows: np.ndarray) -> np.ndarray:
    """Vectors of subjects of the training set, (n, 2 width), float64."""
    assert data.images is not None
    network.eval()
    device = network.head.weight.device
    images, heights = data.table["image"].to_numpy(int)[rows], data.table["height"].to_numpy(float)[rows]
    found = []
    for start in range(0, len(rows), _SUBJECTS_AT_ONCE):
        part = slice(start, start + _SUBJECTS_AT_ONCE)
        clips = torch.from_numpy(data.images[images[part]].astype(np.float32)).to(device)
        vectors = network.describe(clips, torch.from_numpy(heights[part]).float().to(device))
        found.append(vectors.double().cpu().numpy())
    return np.concatenate(found)


def _history_row(row: dict[str, float], offset: int, loss: str) -> dict[str, float]:
    """A row of the loop's log: iterations counted over both parts, each loss in a column of its own."""
    return {
        "iteration": offset + row["iteration"],
        loss: row["loss"],
        "learning_rate": row["learning_rate"],
        "gradient_norm": row["gradient_norm"],
    }
