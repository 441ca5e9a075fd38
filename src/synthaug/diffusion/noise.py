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
    copies : int
        Samples in a row that share a stream.
    shared : bool
        Whether they share every draw, too; otherwise each takes a part of its own of every draw.
    """

    def __init__(
        self,
        seeds: Iterable[int],
        device: str | torch.device = "cpu",
        copies: int = 1,
        shared: bool = True,
    ) -> None:
        self.generators = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
        self.device = torch.device(device)
        self.copies, self.shared = copies, shared

    def __call__(self, *shape: int) -> Tensor:
        """The next draw, (b, *shape), with b the number of seeds times `copies`."""
        if not self.shared:
            apart = [torch.randn((self.copies, *shape), generator=each) for each in self.generators]
            return torch.cat(apart).to(self.device, non_blocking=True)
        drawn = [torch.randn(shape, generator=generator) for generator in self.generators]
        # The next draws are made while the GPU works: the host need not wait until it has taken these.
        return torch.stack(drawn).repeat_interleave(self.copies, dim=0).to(self.device, non_blocking=True)
