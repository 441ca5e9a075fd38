"""One training from its data to its weight file, in one process or in each of several."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch

from synthaug.core.artifacts import atomic_file, sha256_file, sha256_json, write_json
from synthaug.core.code_hash import package_code
from synthaug.core.plugins import code_hashes
from synthaug.core.registry import class_of, module_of
from synthaug.core.spreadsheets import write_table
from synthaug.data.store import TensorStore, check_contents
from synthaug.jobs.checkpoint_times import CheckpointTimes
from synthaug.jobs.checkpoints import load_checkpoint, remove_checkpoints, save_checkpoint
from synthaug.jobs.interruption import INTERRUPTED, interruptible
from synthaug.jobs.progress import progress
from synthaug.models.base import Grid, TrainableModel, to_device
from synthaug.models.weights import load_model, save_model
from synthaug.training.devices import (
    compile_parts,
    compiled_graphs,
    describe,
    make_accelerator,
    precision_of,
)
from synthaug.training.initialise import Initialised, initialise
from synthaug.training.loop import Loop
from synthaug.training.schedule import draw_indices
from synthaug.training.task import Task

#: How often a training is saved: its weights do not follow from it.
_SAVING = {"training": {"checkpoint_minutes"}}


def train(task: Task, stop_request: Path | None = None) -> None:
    """Do a task as `synthaug.training.train_model` describes it; only the first process writes.

    Parameters
    ----------
    task : Task
        The same for all processes.
    stop_request : Path, optional
        A file whose existence requests a checkpoint and the end, as a signal does.
    """
    torch.set_num_threads(task.threads)
    training = task.settings.training
    precision = precision_of(training)
    accelerator = make_accelerator(precision)
    data = TensorStore.open(task.store)
    check_contents(task.store)
    needed = {role: load_model(path, device=accelerator.device) for role, path in task.needs.items()}
    started = time.monotonic()
    model = _make_model(task, data, needed, accelerator.device)
    init = initialise(model, task.settings)
    first = accelerator.is_main_process
    if next(model.parameters(), None) is None:
        accelerator.end_training()
        if first:
            facts = {**describe(accelerator), "precision": precision, "compiled": False}
            fit = _Done(0, time.monotonic() - started, _loss_of_fit(model, task, data))
            _write(task, model, fit, data, needed, facts, init)
        return
    graphs, compiled = compiled_graphs(), compile_parts(model, training)
    loop = Loop(model, training, accelerator)
    identity = _identity(task, data, needed)
    loop.resume(load_checkpoint(task.checkpoints, identity))
    stopped = take_steps(
        loop, list(data.table.index), task.seed, task.checkpoints, identity, first, stop_request=stop_request
    )
    accelerator.end_training()  # together: what follows is the first process's alone
    if stopped:
        if first:
            print(f"interrupted after {loop.iteration} iterations; run again to go on", file=sys.stderr)
        raise SystemExit(INTERRUPTED)
    if first:
        loop.use_average()
        model.finish(data)
        facts = {
            **describe(accelerator),
            "precision": precision,
            "compiled": compiled and compiled_graphs() > graphs,
            "resumed_at": loop.resumed_at,
        }
        done = _Done(training.iterations, loop.seconds, loop.rows)
        _write(task, model, done, data, needed, facts, init)


class _Done(NamedTuple):
    """Steps of a training, the seconds they took, and the rows of its history."""

    iterations: int
    seconds: float
    rows: list[dict[str, float]]


def _loss_of_fit(model: TrainableModel, task: Task, data: TensorStore) -> list[dict[str, float]]:
    """The history of a model that `prepare` has fitted: its loss on one batch."""
    model.requires_grad_(False).eval()
    size = min(task.settings.training.batch_size, len(data))
    generator = torch.Generator().manual_seed(task.seed)
    batch = model.batch(draw_indices(len(data), size, 0, task.seed), generator)
    loss, terms = model.loss({name: value.to(model.device) for name, value in batch.items()}, generator, 0)
    values = {name: float(value) for name, value in {"loss": loss, **terms}.items()}
    return [{"iteration": 0, **values}]


def take_steps(
    loop: Loop,
    subjects: list[str],
    seed: int,
    checkpoints: Path,
    identity: Mapping[str, str],
    first: bool = True,
    stop_request: Path | None = None,
) -> bool:
    """Take the remaining steps of a training, with checkpoints on the way.

    Parameters
    ----------
    loop : Loop
        The training, resumed where it was interrupted.
    subjects : list of str
        Subject of each row that the model was prepared with.
    seed : int
        Seed of the training.
    checkpoints : Path
        Folder of its checkpoints.
    identity : mapping of str to str
        What a checkpoint is of; see `load_checkpoint`.
    first : bool
        Whether this process writes.
    stop_request : Path, optional
        As for `train`.

    Returns
    -------
    bool
        Whether a signal or request ended it early; a checkpoint was written then.
    """
    total, times = loop.training.iterations, CheckpointTimes(loop.training.checkpoint_minutes)
    with interruptible(stop_request) as interruption:
        show = progress("iterations", loop.iteration)
        for iteration in range(loop.iteration, total):
            stopped = loop.step(iteration, subjects, seed, interruption)
            if first:
                show(loop.iteration, total, loop.latest())
            # Only the first process looks at its clock: the others do not have to agree.
            if first and loop.settled and (stopped or (times.due and loop.iteration < total)):
                save_checkpoint(checkpoints, loop.iteration, {"identity": dict(identity), **loop.state()})
                times.saved()
            if stopped:
                return True
    return False


def _make_model(
    task: Task, data: TensorStore, needed: dict[str, TrainableModel], device: torch.device
) -> TrainableModel:
    model_class = class_of(task.settings, TrainableModel)
    torch.manual_seed(task.seed)
    model = model_class(task.settings, Grid.of(data), needed, model_class.facts(task.settings, data))
    to_device(model, device)
    model.train()
    model.prepare(data)
    return model


def _identity(task: Task, data: TensorStore, needed: dict[str, TrainableModel]) -> dict[str, str]:
    """What a checkpoint must be of. Not the number of processes: a requeued job may get fewer GPUs."""
    modules = [module_of(task.settings), __name__]
    return {
        "settings": sha256_json([task.settings.model_dump(mode="json", exclude=_SAVING), task.seed]),
        "data": sha256_json([data.contents, list(data.table.index)]),
        "models that it needs": sha256_json({role: model.identity for role, model in needed.items()}),
        "code": sha256_json([package_code(modules), code_hashes(modules)]),
    }


def _write(
    task: Task,
    model: TrainableModel,
    done: _Done,
    data: TensorStore,
    needed: dict[str, TrainableModel],
    facts: dict[str, Any],
    init: Initialised | None,
) -> None:
    """Weights, history and record; then the checkpoints are not needed any more."""
    training = task.settings.training
    before = init.seen if init else []
    seen = sorted(
        {*data.table.index, *before, *(subject for other in needed.values() for subject in other.seen)}
    )
    save_model(task.weights, model, task.settings.model_dump(mode="json"), seen, task.seed, task.needs)
    with atomic_file(task.history, checksum=True) as temporary:
        write_table(temporary, pd.DataFrame(done.rows))
    # Figures have shapes of their own; compiling for each would cost more than it saves.
    with torch.compiler.set_stance("force_eager"):
        figures = model.assess(data if task.validation is None else TensorStore.open(task.validation))
    write_json(
        task.record,
        {
            "kind": task.settings.kind,
            "iterations": done.iterations,
            "subjects_per_step": training.batch_size * training.accumulation,
            "seconds": round(done.seconds, 2),
            "iterations_per_second": round(done.iterations / done.seconds, 3) if done.iterations else None,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            **facts,
            "threads": task.threads,
            "torch": torch.__version__,
            "seed": task.seed,
            "final_loss": done.rows[-1]["loss"],
            "assessed_on": "training" if task.validation is None else "validation",
            "figures": figures,
            "seen": seen,
            "init": init and init.record,
            "needs": {role: other.identity for role, other in needed.items()},
            "weights_sha256": sha256_file(task.weights),
        },
        checksum=True,
    )
    remove_checkpoints(task.checkpoints)
