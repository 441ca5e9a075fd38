"""Transformer over the patches of whole cines: time, depth and plane at once."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from synthaug.networks.attention import Attention, root_mean_square_norm
from synthaug.networks.blocks import zero_linear
from synthaug.networks.embeddings import HARMONICS
from synthaug.networks.patches import Patches


class CineTransformer(nn.Module):
    """Diffusion transformer of cine latents.

    A token is a patch of one slice. Every token attends to every token of a slice that exists, whatever
    its frame: nothing is assumed of time but its phase, which closes the cycle, and nothing of depth but
    the number of the slice.

    Parameters
    ----------
    channels : int
        Channels of the latents.
    size : tuple of 3 ints
        Slices, rows and columns of a latent frame.
    patch : tuple of 3 ints
        Latent frames, rows and columns of a token; they divide those of the latents.
    width, depth, heads : int
        Features of a token, blocks, attention heads.
    embedding : int
        Length of the condition embedding.

    References
    ----------
    Peebles and Xie, Scalable diffusion models with transformers, ICCV 2023 (adaptive normalisation that
    starts as the identity); normalised queries and keys: Dehghani et al., ICML 2023; gated feed-forward:
    Shazeer, GLU variants improve transformer, 2020.
    """

    def __init__(
        self,
        channels: int,
        size: tuple[int, int, int],
        patch: tuple[int, int, int],
        width: int,
        depth: int,
        heads: int,
        embedding: int,
    ) -> None:
        super().__init__()
        self.patches = Patches(channels, size, patch)
        self.input = nn.Linear(self.patches.features, width)
        self.phase = nn.Linear(2 * HARMONICS, width)
        self.slice = nn.Parameter(torch.randn(size[0], width) * 0.02)
        self.place = nn.Parameter(torch.randn(*self.patches.places, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads, embedding) for _ in range(depth))
        self.modulation = zero_linear(embedding, 2 * width)
        self.output = zero_linear(width, self.patches.features)

    def forward(self, latents: Tensor, slices: Tensor, phases: Tensor, embedding: Tensor) -> Tensor:
        """Predict from noisy latents of whole cycles, (b, t, c, z, y, x) to the same.

        Parameters
        ----------
        latents : Tensor, shape (b, t, c, z, y, x)
            Noisy latents.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice exists.
        phases : Tensor, shape (b, t)
            Cardiac phase of every latent frame.
        embedding : Tensor, shape (b, embedding)
            Diffusion time and conditions.
        """
        tokens = self.input(self.patches.cut(latents))
        places = rearrange(self.phase(self.patches.phase_features(phases)), "b t d -> b t 1 1 1 d")
        places = places + rearrange(self.slice, "z d -> z 1 1 d") + self.place
        tokens = tokens + rearrange(places, "b t z y x d -> b (t z y x) d")
        known = self.patches.existing(slices, latents.shape[1])
        embedding = functional.silu(embedding)
        for block in self.blocks:
            tokens = block(tokens, known, embedding)
        shift, scale = self.modulation(embedding)[:, None].chunk(2, dim=-1)
        return self.patches.paste(self.output(root_mean_square_norm(tokens) * (1 + scale) + shift))


class Block(nn.Module):
    """Attention between all tokens, then a gated feed-forward layer, both modulated by the conditions."""

    def __init__(self, width: int, heads: int, embedding: int) -> None:
        super().__init__()
        self.modulation = zero_linear(embedding, 6 * width)
        self.attention = Attention(width, heads, normalised=True)
        hidden = 8 * width // 3  # three matrices of a gated layer hold what two of four widths would
        self.gate_and_value = nn.Linear(width, 2 * hidden)
        self.forwarded = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor, known: Tensor, embedding: Tensor) -> Tensor:
        """Transform (b, n, width); tokens where `known` (b, n) is False are not attended to."""
        shift, scale, gate, shift_2, scale_2, gate_2 = self.modulation(embedding)[:, None].chunk(6, dim=-1)
        mask = rearrange(known, "b n -> b 1 1 n")
        attended = self.attention(root_mean_square_norm(tokens) * (1 + scale) + shift, mask)
        tokens = tokens + gate * attended
        opened, value = self.gate_and_value(root_mean_square_norm(tokens) * (1 + scale_2) + shift_2).chunk(
            2, dim=-1
        )
        return tokens + gate_2 * self.forwarded(functional.silu(opened) * value)
