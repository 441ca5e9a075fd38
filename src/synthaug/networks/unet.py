"""Conditional anisotropic U-Net for latents of volumes and of cines."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional

from synthaug.networks.attention import ResidualAttention
from synthaug.networks.blocks import (
    ChannelNorm,
    Downsample,
    ResidualBlock,
    Upsample,
    plane_convolution,
    trainable_copy,
    zero_initialised,
)

_HEAD = 32  # channels of an attention head


class TemporalAttention(nn.Module):
    """Self-attention of each voxel over the frames of its cycle."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = ResidualAttention(channels, _heads(channels))

    def forward(self, features: Tensor, frames: int) -> Tensor:
        """Transform ((b t), c, z, y, x)."""
        z, y, x = features.shape[2:]
        tokens = rearrange(features, "(b t) c z y x -> (b z y x) t c", t=frames)
        return rearrange(self.attention(tokens), "(b z y x) t c -> (b t) c z y x", z=z, y=y, x=x)


class TemporalConvolution(nn.Module):
    """features + convolution of each voxel over neighbouring frames of its cycle, the identity at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.convolution = zero_initialised(
            nn.Conv3d(channels, channels, (3, 1, 1), padding=(1, 0, 0), padding_mode="circular")
        )

    def forward(self, features: Tensor, frames: int) -> Tensor:
        """Transform ((b t), c, z, y, x)."""
        z = features.shape[2]
        hidden = rearrange(functional.silu(self.norm(features)), "(b t) c z y x -> b c t (z y) x", t=frames)
        hidden = rearrange(self.convolution(hidden), "b c t (z y) x -> (b t) c z y x", z=z)
        return features + hidden


class SpatialAttention(nn.Module):
    """Self-attention of all voxels of a volume that exist."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = ResidualAttention(channels, _heads(channels))

    def forward(self, features: Tensor, slices: Tensor) -> Tensor:
        """Transform (b, c, z, y, x); `slices` (b, 1, z, 1, 1) is 1 where a slice exists."""
        z, y, x = features.shape[2:]
        known = repeat(slices > 0, "b 1 z 1 1 -> b (z y x)", y=y, x=x)
        tokens = self.attention(rearrange(features, "b c z y x -> b (z y x) c"), known)
        return rearrange(tokens, "b (z y x) c -> b c z y x", z=z, y=y, x=x)


class SliceAttention(nn.Module):
    """Self-attention of each pixel over the slices that exist."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = ResidualAttention(channels, _heads(channels))

    def forward(self, features: Tensor, slices: Tensor) -> Tensor:
        """Transform (b, c, z, y, x); `slices` (b, 1, z, 1, 1) is 1 where a slice exists."""
        y, x = features.shape[3:]
        known = repeat(slices > 0, "b 1 z 1 1 -> (b y x) z", y=y, x=x)
        tokens = self.attention(rearrange(features, "b c z y x -> (b y x) z c"), known)
        return rearrange(tokens, "(b y x) z c -> b c z y x", y=y, x=x)


class ContextAttention(nn.Module):
    """Cross-attention of every voxel to context tokens, such as those of a sentence."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.attention = ResidualAttention(channels, _heads(channels), width)

    def forward(self, features: Tensor, context: Context) -> Tensor:
        """Transform (b, c, z, y, x)."""
        z, y, x = features.shape[2:]
        maps: list[Tensor] | None = None if context.maps is None else []
        tokens = rearrange(features, "b c z y x -> b (z y x) c")
        tokens = self.attention(tokens, context.known, context.tokens, maps)
        if context.maps is not None and maps is not None:
            context.maps.append(AttentionMap(maps[0], (z, y, x)))
        return rearrange(tokens, "b (z y x) c -> b c z y x", z=z, y=y, x=x)


class AttentionMap(NamedTuple):
    """Attention of one layer to context tokens.

    Attributes
    ----------
    weights : Tensor, shape (b, heads, z y x, n)
        As the layer used them: gradients of its output reach them.
    size : tuple of 3 ints
        (z, y, x) of the layer.
    """

    weights: Tensor
    size: tuple[int, int, int]


@dataclass(frozen=True)
class Context:
    """Tokens that a U-Net attends to.

    Attributes
    ----------
    tokens : Tensor, shape (b, n, width)
    known : Tensor of bool, shape (b, n), or None
        True where a token exists; None where all do.
    maps : list of AttentionMap or None
        Where not None, each layer appends its own.
    """

    tokens: Tensor
    known: Tensor | None = None
    maps: list[AttentionMap] | None = None

    def for_frames(self, frames: int) -> Context:
        """The same tokens for each of t frames that are folded into the batch; maps go to the same list."""
        if frames == 1:
            return self
        known = None if self.known is None else repeat(self.known, "b n -> (b t) n", t=frames)
        return Context(repeat(self.tokens, "b n c -> (b t) n c", t=frames), known, self.maps)


@dataclass(frozen=True)
class Control:
    """What steers a U-Net from outside, such as a ControlNet branch.

    Attributes
    ----------
    residuals : callable
        Takes what `LatentUNet.forward` takes (features, slices, embedding, frames, context) and gives its `residuals`.
    middle : Stage or None
        Used in place of the U-Net's own middle; None: its own.
    """

    residuals: Callable[[Tensor, Tensor, Tensor, int, Context | None], Sequence[Tensor]]
    middle: Stage | None = None


@dataclass(frozen=True)
class _Sizes:
    """What all stages of a U-Net share."""

    embedding: int
    temporal: bool
    cyclic: bool
    through_slices: bool
    context: int
    temporal_convolution: bool
    interleaved: bool
    dropout: float


class Stage(nn.Module):
    """A residual block and the attention layers after it."""

    def __init__(self, inputs: int, outputs: int, sizes: _Sizes, spatial: bool) -> None:
        super().__init__()
        self.block = ResidualBlock(
            inputs, outputs, sizes.embedding, through_plane=True, cyclic=sizes.cyclic, dropout=sizes.dropout
        )
        self.spatial = SpatialAttention(outputs) if spatial else None
        self.temporal = TemporalAttention(outputs) if sizes.temporal else None
        self.slices = SliceAttention(outputs) if sizes.through_slices else None
        self.context = ContextAttention(outputs, sizes.context) if sizes.context else None
        self.over_time = TemporalConvolution(outputs) if sizes.temporal_convolution else None

    def forward(
        self,
        features: Tensor,
        slices: Tensor,
        embedding: Tensor,
        frames: int,
        context: Context | None = None,
    ) -> Tensor:
        """Transform ((b t), c, z, y, x)."""
        features = self.block(features, slices, embedding)
        if self.over_time is not None:
            features = self.over_time(features, frames)
        if self.spatial is not None:
            features = self.spatial(features, slices)
        if self.temporal is not None:
            features = self.temporal(features, frames)
        if self.slices is not None:
            features = self.slices(features, slices)
        if self.context is not None and context is not None:
            features = self.context(features, context)
        return features


class MixedAttention(nn.Module):
    """alpha z + (1 - alpha) l(z) with alpha learned, exactly the identity at first, where l(z) = z.

    alpha is 0 at first. Started at 1 behind an l that is not the identity, l has no gradient until alpha has left 1, and
    alpha gets that of a layer that was never trained: slices stayed unrelated. At 1 the layer is left out.

    References
    ----------
    Liu et al., TexDC, equations 10 and 11; Blattmann et al., Align your latents, CVPR 2023.
    """

    def __init__(self, layer: TemporalAttention | SliceAttention) -> None:
        super().__init__()
        self.layer = layer
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor, axis: int | Tensor) -> Tensor:
        """Transform ((b t), c, z, y, x); `axis` is what the layer takes beside them: frames, or which slices exist."""
        mixed: Tensor = self.alpha * features + (1 - self.alpha) * self.layer(features, axis)
        return mixed


class InterleavedStage(Stage):
    """Layers within a slice of a frame, tokens among them, then over the frames and then over the slices of each pixel.

    Without the last two, slices and frames do not influence one another: the network is one of single images.

    References
    ----------
    Liu et al., TexDC, section 3.3: temporal-aware and slice-aware attention after the spatial layers.
    """

    def __init__(self, inputs: int, outputs: int, sizes: _Sizes, spatial: bool) -> None:
        nn.Module.__init__(self)  # other layers than those of a stage of volumes
        self.block = ResidualBlock(inputs, outputs, sizes.embedding, dropout=sizes.dropout)
        self.spatial = SpatialAttention(outputs) if spatial else None
        self.context = ContextAttention(outputs, sizes.context) if sizes.context else None
        self.over_frames = MixedAttention(TemporalAttention(outputs)) if sizes.temporal else None
        self.over_slices = MixedAttention(SliceAttention(outputs)) if sizes.through_slices else None

    def forward(
        self,
        features: Tensor,
        slices: Tensor,
        embedding: Tensor,
        frames: int,
        context: Context | None = None,
    ) -> Tensor:
        """Transform ((b t), c, z, y, x)."""
        features = self.block(features, slices, embedding)
        if self.spatial is not None:
            z = features.shape[2]
            images = rearrange(features, "b c z y x -> (b z) c 1 y x")
            # Missing slices attend to themselves: a softmax over nothing would not be a number.
            images = self.spatial(images, images.new_ones(len(images), 1, 1, 1, 1))
            features = rearrange(images, "(b z) c 1 y x -> b c z y x", z=z)
        if self.context is not None and context is not None:
            features = self.context(features, context)
        if self.over_frames is not None:
            features = self.over_frames(features, frames)
        if self.over_slices is not None:
            features = self.over_slices(features, slices)
        return features


class Level(nn.Module):
    """Stages at one resolution; the first may take more channels, from a skip connection."""

    def __init__(self, inputs: int, outputs: int, blocks: int, sizes: _Sizes, spatial: bool) -> None:
        super().__init__()
        stage = InterleavedStage if sizes.interleaved else Stage
        self.stages = nn.ModuleList(
            stage(inputs if block == 0 else outputs, outputs, sizes, spatial) for block in range(blocks)
        )

    def forward(
        self, features: Tensor, slices: Tensor, embedding: Tensor, frames: int, context: Context | None = None
    ) -> Tensor:
        """Transform ((b t), c, z, y, x)."""
        for stage in self.stages:
            features = stage(features, slices, embedding, frames, context)
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
    through_slices : bool
        Whether each stage also attends over the slices of a pixel.
    context : int
        Channels of context tokens that each stage attends to; 0 for none.
    temporal_convolution : bool
        Whether each stage also convolves over the frames of a voxel, cyclically, before it attends.
    interleaved : bool
        Whether stages are `InterleavedStage`, for which `temporal` and `through_slices` are the two attentions that mix
        with the layers of single images; no convolution through the slices.
    dropout : float
        Part of the features of each residual block that are 0 in a training step.

    Attributes
    ----------
    skips : tuple of int
        Channels of what `encode` gives: of each level from fine to coarse, then of the middle.
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
        through_slices: bool = False,
        context: int = 0,
        temporal_convolution: bool = False,
        interleaved: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        finest, deepest = channels[0], channels[-1]
        sizes = _Sizes(
            embedding, temporal, cyclic, through_slices, context, temporal_convolution, interleaved, dropout
        )
        stage = InterleavedStage if interleaved else Stage
        self.skips = (*channels, deepest)
        self.input = plane_convolution(inputs, finest)
        self.down, self.shrink = nn.ModuleList(), nn.ModuleList()
        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        for width in channels:
            spatial = len(self.down) == len(channels) - 1
            self.down.append(Level(width, width, blocks, sizes, spatial))
        self.middle: Stage = stage(deepest, deepest, sizes, spatial=True)
        for width in reversed(channels):
            self.up.append(Level(2 * width, width, blocks, sizes, spatial=False))
        for finer, coarser in itertools.pairwise(channels):
            self.shrink.append(Downsample(finer, coarser))
            self.grow.insert(0, Upsample(coarser, finer))
        self.norm = ChannelNorm(finest)
        self.output = zero_initialised(plane_convolution(finest, outputs))

    def forward(
        self,
        features: Tensor,
        slices: Tensor,
        embedding: Tensor,
        frames: int = 1,
        context: Context | None = None,
        residuals: Sequence[Tensor] | None = None,
        middle: Stage | None = None,
    ) -> Tensor:
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
        context : Context, optional
            Tokens (b, n, width) of each cycle; without them the context layers are left out.
        residuals : sequence of Tensor, optional
            Added to what `encode` gives, and shaped alike (Zhang et al., ControlNet, ICCV 2023).
        middle : Stage, optional
            Used in place of the own middle, such as a copy of it that is trained.
        """
        if context is not None:
            context = context.for_frames(frames)
        embedding = functional.silu(embedding)
        *kept, features = self._encode(features, slices, embedding, frames, context, middle=middle)
        if residuals is not None:
            *beside, inside = residuals
            kept = [skip + residual for skip, residual in zip(kept, beside, strict=True)]
            features = features + inside
        for number, level in enumerate(self.up):
            skip = kept.pop()
            if number:
                y, x = skip.shape[-2:]
                features = self.grow[number - 1](features)[..., :y, :x]
            features = level(torch.cat([features, skip], dim=1), slices, embedding, frames, context)
        return self.output(functional.silu(self.norm(features)))

    def encode(
        self,
        features: Tensor,
        slices: Tensor,
        embedding: Tensor,
        frames: int = 1,
        context: Context | None = None,
        added: Tensor | None = None,
    ) -> list[Tensor]:
        """Features after each level from fine to coarse, then after the middle.

        Arguments as of `forward`; `added` ((b t), channels[0], z, y, x) is added to the features of the first
        convolution.
        """
        if context is not None:
            context = context.for_frames(frames)
        return self._encode(features, slices, functional.silu(embedding), frames, context, added)

    def encoder_copy(self) -> LatentUNet:
        """A copy of encoder and middle with the same weights, to be trained; it has no decoder, only `encode` works."""
        twin = trainable_copy(self)
        del twin.up, twin.grow, twin.norm, twin.output
        return twin

    def _encode(
        self,
        features: Tensor,
        slices: Tensor,
        embedding: Tensor,
        frames: int,
        context: Context | None,
        added: Tensor | None = None,
        middle: Stage | None = None,
    ) -> list[Tensor]:
        features = self.input(features)
        if added is not None:
            features = features + added
        kept: list[Tensor] = []
        for number, level in enumerate(self.down):
            if number:
                y, x = features.shape[-2:]
                features = self.shrink[number - 1](functional.pad(features, (0, x % 2, 0, y % 2)))
            features = level(features, slices, embedding, frames, context)
            kept.append(features)
        centre = self.middle if middle is None else middle
        return [*kept, centre(features, slices, embedding, frames, context)]


def _heads(channels: int) -> int:
    """As many heads of at least `_HEAD` channels as divide them."""
    return next(count for count in range(max(channels // _HEAD, 1), 0, -1) if channels % count == 0)
