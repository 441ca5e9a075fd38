"""From a code at the resolution of the latents to a velocity field."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from synthaug.networks.autoencoder import Level, Strides
from synthaug.networks.blocks import ChannelNorm, Upsample, plane_convolution


class FieldDecoder(nn.Module):
    """Velocity of a code beside the anatomy it moves: D(code, anatomy) - D(0, anatomy), so that no code is no motion.

    The field has the resolution of the autoencoder's first level, half the image's by default; so have its voxels.

    Parameters
    ----------
    code_channels, anatomy_channels : int
        Channels of the code and of the latent.
    channels : sequence of int
        Feature channels a level, from fine to coarse.
    blocks : int
        Residual blocks a level.
    strides : sequence of 2 ints each
        Division of the lengths of y and x at each level of the autoencoder.
    components : int
        Of the velocity: 3, or 2 for y and x alone.
    """

    def __init__(
        self,
        code_channels: int,
        anatomy_channels: int,
        channels: Sequence[int],
        blocks: int,
        strides: Strides,
        components: int,
    ) -> None:
        super().__init__()
        self.input = plane_convolution(code_channels + anatomy_channels, channels[-1])
        self.steps, self.levels = nn.ModuleList(), nn.ModuleList()
        for level, width in reversed(list(enumerate(channels))):
            deepest = level == len(channels) - 1
            coarser = nn.Identity() if deepest else Upsample(channels[level + 1], width, strides[level + 1])
            self.steps.append(coarser)
            self.levels.append(Level(width, blocks, through_plane=deepest))
        self.norm = ChannelNorm(channels[0])
        self.output = plane_convolution(channels[0], components)

    def forward(self, codes: Tensor, anatomy: Tensor, slices: Tensor) -> Tensor:
        """Velocities (b, m, 3, z, y, x) of m codes of each anatomy, in voxels of the field per unit of time.

        Parameters
        ----------
        codes : Tensor, shape (b, m, k, z, y', x')
        anatomy : Tensor, shape (b, c, z, y', x')
            ED latents, normalised.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice exists.
        """
        b, m = codes.shape[:2]
        with_none = torch.cat([torch.zeros_like(codes[:, :1]), codes], dim=1)
        beside = anatomy[:, None].expand(-1, m + 1, -1, -1, -1, -1)
        features = torch.cat([with_none, beside], dim=2).flatten(0, 1)
        slices = slices.repeat_interleave(m + 1, dim=0)
        features = self.input(features * slices)
        for step, level in zip(self.steps, self.levels, strict=True):
            features = level(step(features), slices)
        decoded = self.output(functional.silu(self.norm(features))).float() * slices
        decoded = decoded.unflatten(0, (b, m + 1))
        velocity = decoded[:, 1:] - decoded[:, :1]
        if velocity.shape[2] == 2:  # no motion from slice to slice
            velocity = torch.cat([torch.zeros_like(velocity[:, :, :1]), velocity], dim=2)
        return velocity
