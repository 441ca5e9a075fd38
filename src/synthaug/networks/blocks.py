"""Building blocks of the anisotropic networks.

Feature maps are (b, c, z, y, x); with time, frames are folded into the batch. Slices lie
8 to 10 mm apart and pixels 1 to 2 mm, so in-plane and through-plane convolutions are
separate and only the plane is ever resampled. Normalisation is over channels at each voxel:
slices that a subject does not have cannot disturb those it has.
"""

from __future__ import annotations

from typing import Literal

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional


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
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        embedding: int = 0,
        through_plane: bool = False,
        cyclic: bool = False,
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
        return self.skip(features) + self.convolution_2(hidden)


class Downsample(nn.Module):
    """Halve y and x by a strided convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(inputs, outputs, (1, 2, 2), stride=(1, 2, 2))

    def forward(self, features: Tensor) -> Tensor:
        return self.convolution(features)


class Upsample(nn.Module):
    """Double y and x: sub-pixel convolution (Shi et al., CVPR 2016), free of checkerboards at start."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(inputs, 4 * outputs, 1, bias=False)
        with torch.no_grad():  # the four sub-pixels start alike: nearest-neighbour enlargement
            first = self.convolution.weight[:outputs].clone()
            self.convolution.weight.copy_(first.repeat_interleave(4, dim=0))

    def forward(self, features: Tensor) -> Tensor:
        return rearrange(self.convolution(features), "b (c p q) z y x -> b c z (y p) (x q)", p=2, q=2)


class Attention(nn.Module):
    """Residual self-attention along one sequence axis.

    No position is added: tokens know where they are from their features, and a cyclic shift
    of the sequence shifts the output alike.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, tokens: Tensor, known: Tensor | None = None) -> Tensor:
        """Transform (b, n, c); tokens where `known` (b, n) is False are not attended to."""
        query, key, value = rearrange(
            self.query_key_value(self.norm(tokens)), "b n (three h d) -> three b h n d", three=3, h=self.heads
        )
        mask = None if known is None else rearrange(known, "b n -> b 1 1 n")
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return tokens + self.output(rearrange(attended, "b h n d -> b n (h d)"))
