"""U-Net over time and plane of whole cines, with the slices stacked on the channels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange, repeat
from torch import Tensor

from synthaug.networks.cine_unet import CineUNet
from synthaug.networks.embeddings import HARMONICS, cyclic_features
from synthaug.networks.unet import Control, LatentUNet


class StackedUNet(CineUNet):
    """Depth is channels: every convolution sees the whole stack, and time closes to a cycle.

    Parameters
    ----------
    channels, depth : int
        Channels and slices of a latent frame.
    widths : sequence of int
        Feature channels a level; each after the first halves y and x, never the time.
    blocks : int
        Residual blocks a level.
    embedding : int
        Length of the condition embedding.
    """

    def __init__(self, channels: int, depth: int, widths: Sequence[int], blocks: int, embedding: int) -> None:
        super().__init__()
        # Beside the latents it reads which slices exist, and the phase of every frame.
        self.merged = depth
        inputs = (channels + 1) * depth + 2 * HARMONICS
        self.unet = LatentUNet(
            inputs, channels * depth, widths, blocks, embedding, temporal=False, cyclic=True
        )

    def fold(self, volumes: Tensor) -> Tensor:
        """(b, t, c, z, y, x) with the slices on the channels and time as the U-Net's axis of slices."""
        return rearrange(volumes, "b t c z y x -> b (c z) t y x")

    def forward(
        self,
        latents: Tensor,
        slices: Tensor,
        phases: Tensor,
        embedding: Tensor,
        control: Control | None = None,
    ) -> Tensor:
        """Transform (b, t, c, z, y, x); arguments as those of `CineTransformer.forward` and `CineUNet.run`."""
        _, frames, _, depth, rows, columns = latents.shape
        stacked = self.fold(latents)
        which = repeat(slices, "b 1 z 1 1 -> b z t y x", t=frames, y=rows, x=columns)
        when = repeat(cyclic_features(phases, HARMONICS), "b t h -> b h t y x", y=rows, x=columns)
        every = torch.ones_like(when[:, :1, :, :1, :1])  # the U-Net's axis of slices is the time here
        answer = self.run(torch.cat([stacked, which, when], dim=1), every, embedding, control=control)
        return rearrange(answer, "b (c z) t y x -> b t c z y x", z=depth)
