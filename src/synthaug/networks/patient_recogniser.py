"""Encoder of a stack of slices into one unit vector."""

from __future__ import annotations

from collections.abc import Sequence

from einops import rearrange, reduce
from torch import Tensor, nn
from torch.nn import functional

from synthaug.networks.blocks import halving_convolutions


class StackEncoder(nn.Module):
    """Convolutions of each slice, the mean over pixels and slices, standardised over patients, and a linear layer.

    Means of all patients are alike: without the standardisation the contrastive loss hardly falls.

    Parameters
    ----------
    channels : sequence of int
        Channels after each halving of the plane.
    width : int
        Length of the vector.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.slices = halving_convolutions(1, channels)
        self.head = nn.Sequential(nn.BatchNorm1d(channels[-1], affine=False), nn.Linear(channels[-1], width))

    def forward(self, stacks: Tensor) -> Tensor:
        """Unit vectors (b, width) of stacks (b, z, y, x)."""
        maps = self.slices(rearrange(stacks, "b z y x -> (b z) 1 y x"))
        pooled = reduce(maps, "(b z) c y x -> b c", "mean", b=len(stacks))
        return functional.normalize(self.head(pooled), dim=1)
