"""Anisotropic encoder and decoder of single cine frames."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from synthaug.networks.blocks import (
    ChannelNorm,
    Downsample,
    ResidualBlock,
    Upsample,
    plane_convolution,
    to_pixels,
)

#: Division of the lengths of y and x at each level.
Strides = Sequence[tuple[int, int]]


class Level(nn.Module):
    """Residual blocks at one resolution; slices exchange information at the deepest alone."""

    def __init__(self, channels: int, blocks: int, through_plane: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResidualBlock(channels, channels, through_plane=through_plane) for _ in range(blocks)
        )

    def forward(self, features: Tensor, slices: Tensor) -> Tensor:
        """Transform (b, c, z, y, x)."""
        for block in self.blocks:
            features = block(features, slices)
        return features


class Encoder(nn.Module):
    """From a frame to the mean and log-variance of its latent.

    Parameters
    ----------
    channels : sequence of int
        Feature channels a level.
    blocks : int
        Residual blocks a level.
    latent_channels : int
        Channels of the latent.
    strides : sequence of 2 ints each
        Division of the lengths of y and x, a level.
    """

    def __init__(self, channels: Sequence[int], blocks: int, latent_channels: int, strides: Strides) -> None:
        super().__init__()
        self.steps, self.levels = nn.ModuleList(), nn.ModuleList()
        for level, (inputs, outputs) in enumerate(zip([1, *channels], channels, strict=False)):
            self.steps.append(Downsample(inputs, outputs, strides[level]))
            self.levels.append(Level(outputs, blocks, through_plane=level == len(channels) - 1))
        self.norm = ChannelNorm(channels[-1])
        self.output = plane_convolution(channels[-1], 2 * latent_channels)

    def forward(self, frames: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (b, c, z, y', x'), of frames (b, 1, z, y, x)."""
        features = frames
        for step, level in zip(self.steps, self.levels, strict=True):
            features = level(step(features), slices)
        mean, log_variance = self.output(functional.silu(self.norm(features))).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 5)


class Decoder(nn.Module):
    """From a latent to the image and to mask logits: one trunk, a head for each.

    The finest features lie at the resolution of the first level, half the image's by default, where a
    convolution is four times cheaper; each head gives the sub-pixels (Shi et al., CVPR 2016).

    Parameters
    ----------
    channels : sequence of int
        The encoder's, from fine to coarse.
    blocks : int
        Residual blocks a level.
    latent_channels : int
        Channels of the latent.
    strides : sequence of 2 ints each
        The encoder's.
    outputs : sequence of int
        Channels of each decoded volume.
    """

    def __init__(
        self,
        channels: Sequence[int],
        blocks: int,
        latent_channels: int,
        strides: Strides,
        outputs: Sequence[int],
    ) -> None:
        super().__init__()
        self.input = plane_convolution(latent_channels, channels[-1])
        self.steps, self.levels = nn.ModuleList(), nn.ModuleList()
        for level, width in reversed(list(enumerate(channels))):
            deepest = level == len(channels) - 1
            coarser = nn.Identity() if deepest else Upsample(channels[level + 1], width, strides[level + 1])
            self.steps.append(coarser)
            self.levels.append(Level(width, blocks, through_plane=deepest))
        self.heads = nn.ModuleList(Head(channels[0], count, strides[0]) for count in outputs)

    def forward(self, latent: Tensor, slices: Tensor) -> list[Tensor]:
        """Decode (b, c, z, y', x') to one (b, outputs, z, y, x) a head."""
        features = self.input(latent)
        for step, level in zip(self.steps, self.levels, strict=True):
            features = level(step(features), slices)
        return [head(features, slices) for head in self.heads]


class Head(nn.Module):
    """A residual block, then the sub-pixels of each output."""

    def __init__(self, channels: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.stride = stride
        self.block = ResidualBlock(channels, channels)
        self.norm = ChannelNorm(channels)
        self.output = plane_convolution(channels, stride[0] * stride[1] * outputs)

    def forward(self, features: Tensor, slices: Tensor) -> Tensor:
        """Transform (b, c, z, y, x) to (b, outputs, z, p y, q x), with (p, q) the stride."""
        hidden = functional.silu(self.norm(self.block(features, slices)))
        return to_pixels(self.output(hidden), self.stride)
