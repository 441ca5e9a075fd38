"""Building blocks of the anisotropic networks.

Feature maps are (b, c, z, y, x); with time, frames are folded into the batch. Slices lie
8 to 10 mm apart and pixels 1 to 2 mm, so in-plane and through-plane convolutions are
separate and only the plane is ever resampled. Normalisation is over channels at each voxel:
slices that a subject does not have cannot disturb those it has.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Literal, TypeVar

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def trainable_copy(module: AnyModule) -> AnyModule:
    """A copy of a module with the same weights, all of which are trained."""
    copies = {id(weight): nn.Parameter(weight.detach().clone()) for weight in module.parameters()}
    return copy.deepcopy(module, copies)


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each voxel, (b, c, z, y, x)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        last = features.movedim(1, -1)  # free where the memory is channels-last
        return functional.layer_norm(last, self.weight.shape, self.weight, self.bias).movedim(-1, 1)


def plane_convolution(inputs: int, outputs: int, size: int = 3) -> nn.Conv3d:
    """Convolution within each slice."""
    return nn.Conv3d(inputs, outputs, (1, size, size), padding=(0, size // 2, size // 2))


def zero_initialised(layer: nn.Conv3d) -> nn.Conv3d:
    """The layer with zero weights, so that a residual branch starts as the identity."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def zero_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer that gives 0 at first, so that what it shifts, scales, gates or adds to starts unchanged."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class ResidualBlock(nn.Module):
    """Two in-plane convolutions, optionally one through-plane, with an optional condition.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    embedding : int
        Length of the condition embedding that scales and shifts the features (FiLM after a
        normalisation, as in AdaGN of Dhariwal and Nichol, NeurIPS 2021); 0 for none.
    through_plane : bool
        Whether slices exchange information.
    cyclic : bool
        Whether the last slice neighbours the first, where the axis of slices is time.
    dropout : float
        Part of the features before the last convolution that are 0 in a training step.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        embedding: int = 0,
        through_plane: bool = False,
        cyclic: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm_1 = ChannelNorm(inputs)
        self.convolution_1 = plane_convolution(inputs, outputs)
        self.norm_2 = ChannelNorm(outputs)
        self.convolution_2 = zero_initialised(plane_convolution(outputs, outputs))
        self.film = nn.Linear(embedding, 2 * outputs) if embedding else None
        ends: Literal["circular", "zeros"] = "circular" if cyclic else "zeros"
        self.depth = (
            nn.Conv3d(outputs, outputs, (3, 1, 1), padding=(1, 0, 0), padding_mode=ends)
            if through_plane
            else None
        )
        self.dropout = nn.Dropout(dropout)
        self.skip = nn.Conv3d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, features: Tensor, slices: Tensor, embedding: Tensor | None = None) -> Tensor:
        """Transform (b, c, z, y, x); `slices` (b, 1, z, 1, 1) is 1 where a slice exists."""
        hidden = self.convolution_1(functional.silu(self.norm_1(features)))
        hidden = self.norm_2(hidden)
        if self.film is not None:
            scale, shift = rearrange(self.film(embedding), "b (two c) -> two b c 1 1 1", two=2)
            hidden = hidden * (1 + scale) + shift
        hidden = functional.silu(hidden)
        if self.depth is not None:
            # Missing slices enter as zeros, exactly like the padding beyond the stack.
            hidden = hidden + self.depth(hidden * slices)
        return self.skip(features) + self.convolution_2(self.dropout(hidden))


class Downsample(nn.Module):
    """Divide the lengths of y and x by a stride: convolution of that extent."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int] = (2, 2)) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(inputs, outputs, (1, *stride), stride=(1, *stride))

    def forward(self, features: Tensor) -> Tensor:
        return self.convolution(features)


class Upsample(nn.Module):
    """Multiply the lengths of y and x by a stride: sub-pixel convolution (Shi et al., CVPR 2016), free of checkerboards at start."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int] = (2, 2)) -> None:
        super().__init__()
        self.stride = stride
        count = math.prod(stride)
        self.convolution = nn.Conv3d(inputs, count * outputs, 1, bias=False)
        with torch.no_grad():  # the sub-pixels start alike: nearest-neighbour enlargement
            first = self.convolution.weight[:outputs].clone()
            self.convolution.weight.copy_(first.repeat_interleave(count, dim=0))

    def forward(self, features: Tensor) -> Tensor:
        return to_pixels(self.convolution(features), self.stride)


def to_pixels(features: Tensor, stride: tuple[int, int]) -> Tensor:
    """Channels as sub-pixels: (b, c p q, z, y, x) to (b, c, z, p y, q x)."""
    p, q = stride
    return rearrange(features, "b (c p q) z y x -> b c z (y p) (x q)", p=p, q=q)


def halving_convolutions(inputs: int, channels: Sequence[int]) -> nn.Sequential:
    """Two convolutions a level for images (b, inputs, y, x), of which the first halves the plane."""
    stages: list[nn.Module] = []
    for before, after in zip((inputs, *channels), channels, strict=False):
        stages += [
            nn.Conv2d(before, after, 3, stride=2, padding=1),
            nn.GroupNorm(1, after),
            nn.SiLU(),
            nn.Conv2d(after, after, 3, padding=1),
            nn.GroupNorm(1, after),
            nn.SiLU(),
        ]
    return nn.Sequential(*stages)
