"""The one training of all models: on a CPU, a GPU, or several processes that act as one.

`train` reads from top to bottom; `loop` is its step, `devices` where and how it computes, `launch`
starts several processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from synthaug.core.errors import SynthaugError
from synthaug.training.task import Task

if TYPE_CHECKING:
    from synthaug.config.models import ModelSettings

__all__ = ["train_model"]


def train_model(
    settings: ModelSettings,
    store: Path,
    needs: Mapping[str, Path],
    weights: Path,
    record: Path,
    history: Path,
    checkpoints: Path,
    seed: int,
    threads: int,
    validation: Path | None = None,
    processes: int = 1,
) -> None:
    """Train one model, or go on with a training that was interrupted.

    All randomness of a step is a function of the seed and the step's number, so that a resumed
    training gives the weights of an uninterrupted one, bit for bit on a CPU. The noise of a loss is drawn
    on the device (`synthaug.diffusion.draws`): a GPU trains with other numbers than a CPU. What is kept
    is the moving average of the weights.

    Several processes share every batch: the subjects of a step and the learning rate are those of
    one process, and gradients are averaged before they are clipped. They share the encoding of the
    cines, too. Two things differ. Each process draws noise of its own. And what a model averages over its
    batch with unequal weights (slices, labelled voxels), it averages over its part: the mean of the parts'
    means is another number.

    Parameters
    ----------
    settings : ModelSettings
        The model's section of the study.
    store : Path
        `TensorStore` of the fold's training subjects.
    needs : mapping of str to Path
        Weight files of the models this one builds on, by role.
    weights, record, history : Path
        Written at the end: ``model.safetensors``, ``training.json`` and ``history.csv``.
    checkpoints : Path
        Folder for states to resume from; removed at the end.
    seed : int
        Seed of initialisation, order and noise.
    threads : int
        CPU threads, of all processes together.
    validation : Path, optional
        `TensorStore` on which the final figures are measured; the training fold where None.
    processes : int
        Processes on this machine, one a GPU where it has GPUs.

    Raises
    ------
    SystemExit
        With code `synthaug.jobs.interruption.INTERRUPTED`, after SIGTERM, SIGINT or SIGUSR1 and a checkpoint.
    SynthaugError
        The loss became infinite or not a number; the last good checkpoint stays. Or the settings ask
        for what this machine cannot do.
    """
    batch_size = settings.training.batch_size
    if batch_size % processes:
        raise SynthaugError(
            f"{settings.kind}: training.batch_size {batch_size} cannot be shared by {processes} processes; make it a "
            "multiple, or set another number of GPUs (set-resources, train_model: gpu)"
        )
    if batch_size // processes < settings.least_batch:
        raise SynthaugError(
            f"{settings.kind}: training.batch_size {batch_size} leaves {batch_size // processes} to each of {processes} "
            f"processes, which need {settings.least_batch}; make it larger, or set fewer GPUs (set-resources, train_model: gpu)"
        )
    task = Task(
        settings=settings,
        store=store,
        needs=needs,
        weights=weights,
        record=record,
        history=history,
        checkpoints=checkpoints,
        seed=seed,
        threads=max(1, threads // processes),
        validation=validation,
    )
    if processes == 1:
        from synthaug.training.train import train

        train(task)
    else:
        from synthaug.training.launch import launch

        launch(task, processes)
