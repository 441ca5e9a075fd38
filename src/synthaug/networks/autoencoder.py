"""Anisotropic encoder and decoder of single cine frames."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from synthaug.networks.blocks import ChannelNorm, Downsample, ResidualBlock, Upsample, plane_convolution


class Encoder(nn.Module):
    """From a frame to the mean and log-variance of its latent.

    Parameters
    ----------
    channels : sequence of int
        Feature channels a level; each level halves y and x.
    blocks : int
        Residual blocks a level.
    latent_channels : int
        Channels of the latent.
    """

    def __init__(self, channels: Sequence[int], blocks: int, latent_channels: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        for level, (inputs, outputs) in enumerate(zip([1, *channels], channels, strict=False)):
            deepest = level == len(channels) - 1
            self.levels.append(
                nn.ModuleList(
                    [Downsample(inputs, outputs)]
                    + [ResidualBlock(outputs, outputs, through_plane=deepest) for _ in range(blocks)]
                )
            )
        self.norm = ChannelNorm(channels[-1])
        self.output = plane_convolution(channels[-1], 2 * latent_channels)

    def forward(self, frames: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (b, c, z, y', x'), of frames (b, 1, z, y, x)."""
        features = frames
        for downsample, *blocks in self.levels:
            features = downsample(features)
            for block in blocks:
                features = block(features, slices)
        mean, log_variance = self.output(functional.silu(self.norm(features))).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 5)


class Decoder(nn.Module):
    """From a latent to an image or to mask logits; the mirror of `Encoder`.

    Parameters
    ----------
    channels : sequence of int
        The encoder's, from fine to coarse.
    blocks : int
        Residual blocks a level.
    latent_channels, outputs : int
        Channels of the latent and of the decoded volume.
    """

    def __init__(self, channels: Sequence[int], blocks: int, latent_channels: int, outputs: int) -> None:
        super().__init__()
        self.input = plane_convolution(latent_channels, channels[-1])
        self.levels = nn.ModuleList()
        coarse_to_fine = list(reversed(channels))
        finer = [*coarse_to_fine[1:], max(channels[0] // 4, 4)]
        for level, (inputs, following) in enumerate(zip(coarse_to_fine, finer, strict=True)):
            self.levels.append(
                nn.ModuleList(
                    [ResidualBlock(inputs, inputs, through_plane=level == 0) for _ in range(blocks)]
                    + [Upsample(inputs, following)]
                )
            )
        self.finest = ResidualBlock(finer[-1], finer[-1])
        self.output = plane_convolution(finer[-1], outputs)

    def forward(self, latent: Tensor, slices: Tensor) -> Tensor:
        """Decode (b, c, z, y', x') to (b, outputs, z, y, x)."""
        features = self.input(latent)
        for *blocks, upsample in self.levels:
            for block in blocks:
                features = block(features, slices)
            features = upsample(features)
        return self.output(functional.silu(self.finest(features, slices)))
