"""Conditional anisotropic U-Net for latents of volumes and of cines."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional

from synthaug.networks.blocks import (
    Attention,
    ChannelNorm,
    Downsample,
    ResidualBlock,
    Upsample,
    plane_convolution,
    zero_initialised,
)

_HEAD = 32  # channels of an attention head


class TemporalAttention(nn.Module):
    """Every voxel looks at itself in all frames of its cycle."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = Attention(channels, max(channels // _HEAD, 1))

    def forward(self, features: Tensor, frames: int) -> Tensor:
        """Transform ((b t), c, z, y, x)."""
        z, y, x = features.shape[2:]
        tokens = rearrange(features, "(b t) c z y x -> (b z y x) t c", t=frames)
        return rearrange(self.attention(tokens), "(b z y x) t c -> (b t) c z y x", z=z, y=y, x=x)


class SpatialAttention(nn.Module):
    """Every voxel looks at all voxels of its volume that exist."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = Attention(channels, max(channels // _HEAD, 1))

    def forward(self, features: Tensor, slices: Tensor) -> Tensor:
        """Transform (b, c, z, y, x); `slices` (b, 1, z, 1, 1) is 1 where a slice exists."""
        z, y, x = features.shape[2:]
        known = repeat(slices > 0, "b 1 z 1 1 -> b (z y x)", y=y, x=x)
        tokens = self.attention(rearrange(features, "b c z y x -> b (z y x) c"), known)
        return rearrange(tokens, "b (z y x) c -> b c z y x", z=z, y=y, x=x)


class Stage(nn.Module):
    """A residual block and what attends after it."""

    def __init__(
        self, inputs: int, outputs: int, embedding: int, temporal: bool, spatial: bool, cyclic: bool
    ) -> None:
        super().__init__()
        self.block = ResidualBlock(inputs, outputs, embedding, through_plane=True, cyclic=cyclic)
        self.spatial = SpatialAttention(outputs) if spatial else None
        self.temporal = TemporalAttention(outputs) if temporal else None

    def forward(self, features: Tensor, slices: Tensor, embedding: Tensor, frames: int) -> Tensor:
        features = self.block(features, slices, embedding)
        if self.spatial is not None:
            features = self.spatial(features, slices)
        if self.temporal is not None:
            features = self.temporal(features, frames)
        return features


class Level(nn.Module):
    """Stages at one resolution; the first may take more channels, from a skip connection."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        blocks: int,
        embedding: int,
        temporal: bool,
        spatial: bool,
        cyclic: bool,
    ) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            Stage(inputs if block == 0 else outputs, outputs, embedding, temporal, spatial, cyclic)
            for block in range(blocks)
        )

    def forward(self, features: Tensor, slices: Tensor, embedding: Tensor, frames: int) -> Tensor:
        """Transform ((b t), c, z, y, x)."""
        for stage in self.stages:
            features = stage(features, slices, embedding, frames)
        return features


class LatentUNet(nn.Module):
    """U-Net whose frames are folded into the batch and which only resamples the plane.

    Parameters
    ----------
    inputs, outputs : int
        Channels in and out.
    channels : sequence of int
        Feature channels a level; each after the first halves y and x, rounding up.
    blocks : int
        Residual blocks a level.
    embedding : int
        Length of the condition embedding.
    temporal : bool
        Whether frames of one cycle exchange information; cyclic, by attention without positions.
    cyclic : bool
        Whether the last slice neighbours the first: where the axis of slices is the time of a cycle.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        channels: Sequence[int],
        blocks: int,
        embedding: int,
        temporal: bool,
        cyclic: bool = False,
    ) -> None:
        super().__init__()
        finest, deepest = channels[0], channels[-1]
        self.input = plane_convolution(inputs, finest)
        self.down, self.shrink = nn.ModuleList(), nn.ModuleList()
        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        for width in channels:
            spatial = len(self.down) == len(channels) - 1
            self.down.append(Level(width, width, blocks, embedding, temporal, spatial, cyclic))
        self.middle = Stage(deepest, deepest, embedding, temporal, spatial=True, cyclic=cyclic)
        for width in reversed(channels):
            self.up.append(Level(2 * width, width, blocks, embedding, temporal, spatial=False, cyclic=cyclic))
        for finer, coarser in itertools.pairwise(channels):
            self.shrink.append(Downsample(finer, coarser))
            self.grow.insert(0, Upsample(coarser, finer))
        self.norm = ChannelNorm(finest)
        self.output = zero_initialised(plane_convolution(finest, outputs))

    def forward(self, features: Tensor, slices: Tensor, embedding: Tensor, frames: int = 1) -> Tensor:
        """Transform ((b t), c, z, y, x).

        Parameters
        ----------
        features : Tensor, shape ((b t), inputs, z, y, x)
            Noisy latents and what is concatenated to them.
        slices : Tensor, shape ((b t), 1, z, 1, 1)
            1 where a slice exists.
        embedding : Tensor, shape ((b t), embedding)
            Conditions of each frame.
        frames : int
            t.
        """
        embedding = functional.silu(embedding)
        features = self.input(features)
        kept: list[Tensor] = []
        for number, level in enumerate(self.down):
            if number:
                y, x = features.shape[-2:]
                features = self.shrink[number - 1](functional.pad(features, (0, x % 2, 0, y % 2)))
            features = level(features, slices, embedding, frames)
            kept.append(features)
        features = self.middle(features, slices, embedding, frames)
        for number, level in enumerate(self.up):
            beside = kept.pop()
            if number:
                y, x = beside.shape[-2:]
                features = self.grow[number - 1](features)[..., :y, :x]
            features = level(torch.cat([features, beside], dim=1), slices, embedding, frames)
        return self.output(functional.silu(self.norm(features)))
