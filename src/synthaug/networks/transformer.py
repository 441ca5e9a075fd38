"""Transformer over the patches of whole cines: time, depth and plane at once."""

from __future__ import annotations

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional

from synthaug.networks.attention import Attention, root_mean_square_norm
from synthaug.networks.embeddings import HARMONICS, cyclic_features


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
        slices, rows, columns = size
        self.patch = patch
        self.places = (rows // patch[1], columns // patch[2])
        volume = patch[0] * patch[1] * patch[2]
        self.input = nn.Linear(channels * volume, width)
        self.phase = nn.Linear(2 * HARMONICS, width)
        self.slice = nn.Parameter(torch.randn(slices, width) * 0.02)
        self.place = nn.Parameter(torch.randn(*self.places, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads, embedding) for _ in range(depth))
        self.modulation = _modulation(embedding, 2 * width)
        self.output = nn.Linear(width, channels * volume)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

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
        (p, q, r), (rows, columns) = self.patch, self.places
        cut = "b (t p) c z (y q) (x r) -> b t z y x (c p q r)"
        tokens = self.input(rearrange(latents, cut, p=p, q=q, r=r))
        # Circular mean of the phases that a token covers.
        phase = cyclic_features(phases, HARMONICS).unflatten(1, (-1, p)).mean(dim=2)
        tokens = tokens + rearrange(self.phase(phase), "b t d -> b t 1 1 1 d")
        tokens = tokens + rearrange(self.slice, "z d -> z 1 1 d") + self.place
        frames, depth = tokens.shape[1:3]
        known = repeat(slices > 0, "b 1 z 1 1 -> b (t z y x)", t=frames, y=rows, x=columns)
        tokens = rearrange(tokens, "b t z y x d -> b (t z y x) d")
        embedding = functional.silu(embedding)
        for block in self.blocks:
            tokens = block(tokens, known, embedding)
        shift, scale = self.modulation(embedding)[:, None].chunk(2, dim=-1)
        tokens = self.output(root_mean_square_norm(tokens) * (1 + scale) + shift)
        paste = "b (t z y x) (c p q r) -> b (t p) c z (y q) (x r)"
        return rearrange(tokens, paste, t=frames, z=depth, y=rows, x=columns, p=p, q=q, r=r)


class Block(nn.Module):
    """Attention between all tokens, then a gated feed-forward layer, both modulated by the conditions."""

    def __init__(self, width: int, heads: int, embedding: int) -> None:
        super().__init__()
        self.modulation = _modulation(embedding, 6 * width)
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


def _modulation(embedding: int, size: int) -> nn.Linear:
    """Shifts, scales and gates from the conditions; zero at first, so that a block starts as the identity."""
    layer = nn.Linear(embedding, size)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
