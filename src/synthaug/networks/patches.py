"""Latents of cines as tokens: patches of latent frames, rows and columns of one slice."""

from __future__ import annotations

from dataclasses import dataclass

from einops import rearrange, repeat
from torch import Tensor

from synthaug.core.errors import SynthaugError
from synthaug.networks.embeddings import HARMONICS, cyclic_features


@dataclass(frozen=True)
class Patches:
    """How latents are cut into tokens, in the order of frames, slices, rows, columns; no token holds two slices.

    Attributes
    ----------
    channels : int
        Channels of the latents.
    size : tuple of 3 ints
        Slices, rows and columns of a latent frame.
    patch : tuple of 3 ints
        Latent frames, rows and columns of a token; they divide those of the latents.
    """

    channels: int
    size: tuple[int, int, int]
    patch: tuple[int, int, int]

    @property
    def features(self) -> int:
        """Values of a token."""
        return self.channels * self.patch[0] * self.patch[1] * self.patch[2]

    @property
    def places(self) -> tuple[int, int]:
        """Tokens along the rows and along the columns."""
        return self.size[1] // self.patch[1], self.size[2] // self.patch[2]

    def cut(self, latents: Tensor) -> Tensor:
        """Tokens (b, n, features) of latents (b, t, c, z, y, x)."""
        p, q, r = self.patch
        return rearrange(latents, "b (t p) c z (y q) (x r) -> b (t z y x) (c p q r)", p=p, q=q, r=r)

    def paste(self, tokens: Tensor) -> Tensor:
        """The inverse of `cut`."""
        (p, q, r), (y, x) = self.patch, self.places
        pattern = "b (t z y x) (c p q r) -> b (t p) c z (y q) (x r)"
        return rearrange(tokens, pattern, z=self.size[0], y=y, x=x, p=p, q=q, r=r)

    def existing(self, slices: Tensor, frames: int) -> Tensor:
        """True for tokens of slices that exist, (b, n).

        Parameters
        ----------
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice exists.
        frames : int
            Latent frames of a cycle.
        """
        y, x = self.places
        return repeat(slices > 0, "b 1 z 1 1 -> b (t z y x)", t=frames // self.patch[0], y=y, x=x)

    def phase_features(self, phases: Tensor) -> Tensor:
        """Circular mean of the phases (b, t) that a token covers, (b, t / patch, 2 HARMONICS)."""
        return cyclic_features(phases, HARMONICS).unflatten(1, (-1, self.patch[0])).mean(dim=2)


def check_patch(kind: str, lengths: tuple[int, int, int], patch: tuple[int, int, int]) -> None:
    """Refuse a patch that does not divide the latent frames, rows and columns of a model's latents.

    Raises
    ------
    SynthaugError
        It does not.
    """
    for name, length, part in zip(("latent frames", "rows", "columns"), lengths, patch, strict=True):
        if length % part:
            raise SynthaugError(
                f"{kind}: {length} {name} of the latent are not divisible by the patch's {part}; change patch"
            )
