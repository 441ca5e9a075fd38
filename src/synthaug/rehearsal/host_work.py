"""What the host does for the loss of a training step while a GPU waits: random numbers that it draws, bytes that it sends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import torch
from torch import Tensor

from synthaug.models.base import TrainableModel
from synthaug.rehearsal.fake_cuda import FakeCuda


@dataclass(frozen=True)
class HostWork:
    """Of the loss of one batch.

    Attributes
    ----------
    batch_numbers, batch_bytes : int
        Elements and bytes of the batch, which is made and sent before.
    host_draws, gpu_draws : int
        Random numbers that the loss draws on the host and on the GPU; not those of dropout layers.
    sent_bytes : int
        Bytes that the loss copies from the host to the GPU.
    """

    batch_numbers: int
    batch_bytes: int
    host_draws: int
    gpu_draws: int
    sent_bytes: int


@contextmanager
def watch_losses(model: TrainableModel, gpu: FakeCuda) -> Iterator[list[HostWork]]:
    """Context in which every loss of a model on the fake GPU adds its work to the list; inside `FakeCuda`."""
    loss_of = model.loss
    found: list[HostWork] = []

    def loss(
        batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        before = gpu.host_draws, gpu.gpu_draws, gpu.upload_bytes
        result = loss_of(batch, generator, iteration)
        after = gpu.host_draws, gpu.gpu_draws, gpu.upload_bytes
        parts = [part for part in batch.values() if isinstance(part, Tensor)]  # others are sentences
        numbers, size = sum(part.numel() for part in parts), sum(part.nbytes for part in parts)
        host, there, sent = (now - then for then, now in zip(before, after, strict=True))
        found.append(HostWork(numbers, size, host, there, sent))
        return result

    with patch.object(model, "loss", loss):
        yield found
