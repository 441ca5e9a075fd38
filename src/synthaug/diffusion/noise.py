"""Where the noise of a sample comes from."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


class Noise:
    """Standard normal draws of a batch, each of its samples from a stream of its own.

    So a sample is the same whatever batch it falls in, and whatever device makes it.

    Parameters
    ----------
    seeds : iterable of int
        One a sample.
    device : device
        Where the draws are put; they are made on the CPU.
    """

    def __init__(self, seeds: Iterable[int], device: str | torch.device = "cpu") -> None:
        self.generators = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
        self.device = torch.device(device)

    def __call__(self, *shape: int) -> Tensor:
        """The next draw, (b, *shape)."""
        drawn = [torch.randn(shape, generator=generator) for generator in self.generators]
        return torch.stack(drawn).to(self.device)
