"""Latents of cines as tokens that may hold several slices."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional

from synthaug.networks.embeddings import HARMONICS, cyclic_features


@dataclass(frozen=True)
class StackPatches:
    """How latents are cut into tokens, in the order of frames, slices, rows, columns.

    Where the slices of a token do not divide those of the grid, the last token is filled with zeros.

    Attributes
    ----------
    channels : int
        Channels of the latents.
    size : tuple of 4 ints
        Frames, slices, rows and columns of the latents.
    patch : tuple of 4 ints
        Frames, slices, rows and columns of a token; all but the slices divide those of the latents.
    """

    channels: int
    size: tuple[int, int, int, int]
    patch: tuple[int, int, int, int]

    @property
    def features(self) -> int:
        """Values of a token."""
        t, z, y, x = self.patch
        return self.channels * t * z * y * x

    @property
    def places(self) -> tuple[int, int, int, int]:
        """Tokens along frames, slices, rows and columns."""
        t, z, y, x = (-(-length // part) for length, part in zip(self.size, self.patch, strict=True))
        return t, z, y, x

    @property
    def count(self) -> int:
        """Tokens of a cine."""
        t, z, y, x = self.places
        return t * z * y * x

    def cut(self, latents: Tensor) -> Tensor:
        """Tokens (b, n, features) of latents (b, t, c, z, y, x)."""
        p, d, q, r = self.patch
        filled = functional.pad(latents, (0, 0, 0, 0, 0, self.places[1] * d - self.size[1]))
        pattern = "b (t p) c (z d) (y q) (x r) -> b (t z y x) (c p d q r)"
        return rearrange(filled, pattern, p=p, d=d, q=q, r=r)

    def paste(self, tokens: Tensor) -> Tensor:
        """The inverse of `cut`."""
        (t, z, y, x), (p, d, q, r) = self.places, self.patch
        pattern = "b (t z y x) (c p d q r) -> b (t p) c (z d) (y q) (x r)"
        filled = rearrange(tokens, pattern, t=t, z=z, y=y, x=x, p=p, d=d, q=q, r=r)
        return filled[:, :, :, : self.size[1]]

    def existing(self, slices: Tensor) -> Tensor:
        """True for tokens with a slice that exists, (b, n); `slices` (b, 1, z, 1, 1) is 1 where one does."""
        t, z, y, x = self.places
        filled = functional.pad(slices[:, 0, :, 0, 0], (0, z * self.patch[1] - self.size[1]))
        there = rearrange(filled > 0, "b (z d) -> b z d", d=self.patch[1]).any(dim=2)
        return repeat(there, "b z -> b (t z y x)", t=t, y=y, x=x)


class StackPlaces(nn.Module):
    """Embedding of where a token is: cardiac phase, slices, row and column; (b, t) phases to (b, n, width)."""

    def __init__(self, patches: StackPatches, width: int) -> None:
        super().__init__()
        self.frames = patches.patch[0]
        _, z, y, x = patches.places
        self.phase = nn.Linear(2 * HARMONICS, width)
        self.slices = nn.Parameter(torch.randn(z, width) * 0.02)
        self.plane = nn.Parameter(torch.randn(y, x, width) * 0.02)

    def forward(self, phases: Tensor) -> Tensor:
        # The circular mean of the phases that a token covers.
        covered = cyclic_features(phases, HARMONICS).unflatten(1, (-1, self.frames)).mean(dim=2)
        places = rearrange(self.phase(covered), "b t d -> b t 1 1 1 d")
        places = places + rearrange(self.slices, "z d -> z 1 1 d") + self.plane
        return rearrange(places, "b t z y x d -> b (t z y x) d")
