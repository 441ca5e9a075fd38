"""Random numbers of a training step, drawn where its data lie.

On the CPU each draw goes on with the step's generator. On a GPU each has a generator there, whose seed is one number of the
step's generator: the host draws nothing else, copies nothing and waits for nothing. Either way the numbers follow from the
state of the step's generator, so that a resumed training draws the same. Those of a GPU are others than those of the
CPU; another model of GPU may share them out among its threads in another way, and give others again.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def normal(shape: Sequence[int], device: torch.device, generator: torch.Generator) -> Tensor:
    """Standard normal draws, float32.

    Parameters
    ----------
    shape : sequence of int
        Of the result.
    device : torch.device
        Where it lies.
    generator : torch.Generator
        Of the step; on the CPU.
    """
    return torch.randn(shape, generator=_beside(device, generator), device=device)


def normal_like(data: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal draws in the shape and type of some data, beside them; see `normal`."""
    return normal(data.shape, data.device, generator).to(data)


def uniform(shape: Sequence[int], device: torch.device, generator: torch.Generator) -> Tensor:
    """Uniform draws in [0, 1), float32; arguments as those of `normal`."""
    return torch.rand(shape, generator=_beside(device, generator), device=device)


def permutation(count: int, device: torch.device, generator: torch.Generator) -> Tensor:
    """The numbers 0 to count - 1 in a random order, int64; other arguments as those of `normal`."""
    return torch.randperm(count, generator=_beside(device, generator), device=device)


def generator_on(device: torch.device, seed: int) -> torch.Generator:
    """A generator of a GPU, for one draw; a rehearsal, whose GPU is not there, puts another function in the place of this."""
    return torch.Generator(device).manual_seed(seed)


def _beside(device: torch.device, generator: torch.Generator) -> torch.Generator:
    if device.type == generator.device.type:
        return generator
    return generator_on(device, int(torch.randint(2**63 - 1, (), generator=generator)))
