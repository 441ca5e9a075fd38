"""Attention to words as images: means over heads, layers and steps, enlarged to the grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from synthaug.networks.unet import AttentionMap


def maps_of_words(maps: Sequence[AttentionMap], words: Tensor, frames: int, size: tuple[int, int]) -> Tensor:
    """Attention of every pixel to words: mean over heads, enlarged, then mean over layers.

    Parameters
    ----------
    maps : sequence of AttentionMap
        Of the layers of one pass; weights ((b t), heads, z y x, n).
    words : Tensor, shape (b, n, w)
        Weight of each token in each word; columns sum to 1, or to 0 where a sentence lacks the word.
    frames : int
        t.
    size : tuple of 2 ints
        Rows and columns of the result.

    Returns
    -------
    Tensor, shape (b, w, t, z, *size), float32

    References
    ----------
    Hertz et al., Prompt-to-prompt image editing with cross-attention control, ICLR 2023; Tang et al., What the DAAM,
    ACL 2023 (sum over heads, layers and steps after enlarging).
    """
    layers = []
    for weights, (z, y, x) in maps:
        of_heads = rearrange(weights.float().mean(dim=1), "(b t) p n -> b (t p) n", t=frames)
        planes = rearrange(
            of_heads @ words.float(), "b (t z y x) w -> b (w t z) y x", z=z, y=y, x=x, t=frames
        )
        large = functional.interpolate(planes, size, mode="bilinear", align_corners=False)
        layers.append(rearrange(large, "b (w t z) y x -> b w t z y x", t=frames, z=z))
    return torch.stack(layers).mean(dim=0)


class MeanMaps:
    """Mean over the `steps` of sampling of what `maps_of_words` gives; arguments as its own."""

    def __init__(self, words: Tensor, frames: int, size: tuple[int, int]) -> None:
        self.words, self.frames, self.size = words, frames, size
        self._total: Tensor | None = None
        self.steps = 0

    def add(self, maps: Sequence[AttentionMap]) -> None:
        """Take the maps of one step."""
        found = maps_of_words(maps, self.words, self.frames, self.size)
        self._total = found if self._total is None else self._total + found
        self.steps += 1

    def mean(self) -> Tensor:
        """The mean of the steps so far, (b, w, t, z, *size)."""
        if self._total is None:
            raise ValueError("no step was taken; add its maps first")
        return self._total / self.steps
