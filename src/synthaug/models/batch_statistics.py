"""Running means and variances of batch normalisation that belong to the final weights.

The steps of a training gather them with the weights of the moment; what is kept is the moving average of the weights.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from synthaug.models.base import TrainableModel

#: Batches on which the statistics are taken anew.
_BATCHES = 32


@torch.no_grad()
def renew_statistics(model: nn.Module, forward: Callable[[], object]) -> None:
    """Take the statistics of all batch normalisations anew: means over the batches that `forward` passes through `model`.

    Parameters
    ----------
    model : Module
        In evaluation mode, as are its normalisations afterwards.
    forward : callable
        Passes one or more batches.
    """
    normalisations = [part for part in model.modules() if isinstance(part, nn.BatchNorm1d)]
    momenta = [part.momentum for part in normalisations]
    for part in normalisations:
        part.reset_running_stats()
        part.momentum = None  # a plain mean over the batches
        part.train()
    # Compiled for another mode they would be compiled again, for a few batches.
    with torch.compiler.set_stance("force_eager"):
        forward()
    for part, momentum in zip(normalisations, momenta, strict=True):
        part.eval()
        part.momentum = momentum


def renew_on_training_batches(model: TrainableModel, subjects: int, batch_size: int) -> None:
    """`renew_statistics` on batches of a prepared model's training fold, of all subjects in turn.

    Parameters
    ----------
    model : TrainableModel
        Prepared, in evaluation mode.
    subjects : int
        Of the fold.
    batch_size : int
        Subjects of a batch.
    """
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(subjects, generator=generator)

    def forward() -> None:
        for places in torch.arange(_BATCHES * batch_size).split(batch_size):
            batch = model.batch(order[places % subjects].tolist(), generator)
            model.loss({name: value.to(model.device) for name, value in batch.items()}, generator, 0)

    renew_statistics(model, forward)
