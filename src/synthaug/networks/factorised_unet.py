"""U-Net of whole cines whose layers take space and time in turn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange, repeat
from torch import Tensor

from synthaug.networks.cine_unet import CineUNet, fold_frames
from synthaug.networks.embeddings import HARMONICS, cyclic_features
from synthaug.networks.unet import Control, LatentUNet


class FactorisedUNet(CineUNet):
    """Each stage convolves in space, then over time, and attends in space (at the coarsest level), then over time.

    Parameters
    ----------
    channels : int
        Channels of a latent frame.
    widths : sequence of int
        Feature channels a level; each after the first halves y and x, never the time.
    blocks : int
        Stages a level.
    embedding : int
        Length of the condition embedding.

    References
    ----------
    Wang et al., ModelScope text-to-video technical report, 2023 (order of the layers of a block). Differences: time
    is cyclic, frames have their cardiac phase as input, space is a volume whose slices may be missing, attention
    in space is at the coarsest level only, and conditions scale and shift features.
    """

    merged = 1

    def __init__(self, channels: int, widths: Sequence[int], blocks: int, embedding: int) -> None:
        super().__init__()
        self.unet = LatentUNet(
            channels + 2 * HARMONICS,
            channels,
            widths,
            blocks,
            embedding,
            temporal=True,
            temporal_convolution=True,
        )

    def fold(self, volumes: Tensor) -> Tensor:
        """(b, t, c, z, y, x) with the frames in the batch."""
        return fold_frames(volumes)

    def forward(
        self,
        latents: Tensor,
        slices: Tensor,
        phases: Tensor,
        embedding: Tensor,
        control: Control | None = None,
    ) -> Tensor:
        """Transform (b, t, c, z, y, x); arguments as those of `CineTransformer.forward` and `CineUNet.run`."""
        frames, _, z, y, x = latents.shape[1:]
        when = repeat(cyclic_features(phases, HARMONICS), "b t h -> (b t) h z y x", z=z, y=y, x=x)
        features = torch.cat([self.fold(latents), when], dim=1)
        which = repeat(slices, "b 1 z 1 1 -> (b t) 1 z 1 1", t=frames)
        predicted = self.run(
            features, which, repeat(embedding, "b e -> (b t) e", t=frames), frames, control=control
        )
        return rearrange(predicted, "(b t) c z y x -> b t c z y x", t=frames)
