"""Masked transformer of cine tokens: an encoder of those that are known, a decoder of all."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from synthaug.networks.attention import ResidualAttention, take
from synthaug.networks.blocks import zero_linear
from synthaug.networks.embeddings import HARMONICS
from synthaug.networks.patches import Patches


class MaskedTransformer(nn.Module):
    """What the known tokens and the conditions say of every token.

    Attention is bidirectional. Tokens come in an order of their own for each sample, known ones first and those of
    missing slices last, so that both are prefixes and shapes do not depend on how many there are. The encoder sees
    the first `limit` tokens, of which unknown ones are masked, and the buffer; the decoder sees a mask token in the
    place of each unknown token.

    Parameters
    ----------
    patches : Patches
        What a token is.
    width, heads : int
        Features of a token, attention heads.
    encoder_depth, decoder_depth : int
        Blocks.
    buffer : int
        Learned tokens in front, beside those of the conditions.

    References
    ----------
    He et al., Masked autoencoders are scalable vision learners, CVPR 2022; Li et al., NeurIPS 2024.
    """

    def __init__(
        self,
        patches: Patches,
        width: int,
        encoder_depth: int,
        decoder_depth: int,
        heads: int,
        buffer: int,
    ) -> None:
        super().__init__()
        self.input = nn.Linear(patches.features, width)
        self.buffer = nn.Parameter(torch.randn(buffer, width) * 0.02)
        self.encoder_places = Places(patches, width)
        self.encoder = nn.ModuleList(Block(width, heads) for _ in range(encoder_depth))
        self.encoder_norm = nn.LayerNorm(width)
        self.mask = nn.Parameter(torch.randn(width) * 0.02)
        self.decoder_places = Places(patches, width)
        self.decoder = nn.ModuleList(Block(width, heads) for _ in range(decoder_depth))
        self.decoder_norm = nn.LayerNorm(width)

    def forward(
        self,
        tokens: Tensor,
        order: Tensor,
        known: Tensor,
        limit: int,
        existing: Tensor,
        phases: Tensor,
        conditions: Tensor,
        wanted: Tensor | None = None,
    ) -> Tensor:
        """Context of every token, (b, n, width), in the same order.

        Parameters
        ----------
        tokens : Tensor, shape (b, n, features)
            In the order of `order`; only the first `known` are looked at.
        order : Tensor of int, shape (b, n)
            Place of each token in the order of `Patches.cut`.
        known, existing : Tensor of int, shape (b,)
            Tokens that are known, and that exist.
        limit : int
            No sample knows more tokens.
        phases : Tensor, shape (b, t)
            Cardiac phase of every latent frame.
        conditions : Tensor, shape (b, m, width)
            One token a condition.
        wanted : Tensor of int, shape (b, k), optional
            Places in that order: only the context of these is returned, (b, k, width). The last block then computes
            these alone.
        """
        front = torch.cat([conditions, self.buffer + conditions.sum(dim=1, keepdim=True)], dim=1)
        places = take(self.encoder_places(phases), order[:, :limit])
        there = torch.arange(limit, device=order.device) < known[:, None]
        encoded = torch.cat([front, self.input(tokens[:, :limit]) + places], dim=1)
        mask = with_front(there, front.shape[1])
        for block in self.encoder:
            encoded = block(encoded, mask)
        encoded = self.encoder_norm(encoded)
        front, encoded = encoded.split([front.shape[1], limit], dim=1)

        seen = torch.where(there[..., None], encoded, self.mask)
        hidden = self.mask.expand(len(order), order.shape[1] - limit, -1)
        decoded = torch.cat([seen, hidden], dim=1) + take(self.decoder_places(phases), order)
        decoded = torch.cat([front, decoded], dim=1)
        mask = with_front(
            torch.arange(order.shape[1], device=order.device) < existing[:, None], front.shape[1]
        )
        *earlier, last = self.decoder
        for block in earlier:
            decoded = block(decoded, mask)
        if wanted is None:
            decoded = last(decoded, mask)[:, front.shape[1] :]
        else:
            decoded = last(decoded, mask, front.shape[1] + wanted)
        result: Tensor = self.decoder_norm(decoded)
        return result


class Places(nn.Module):
    """Embedding of where a token is: cardiac phase, slice, row and column; (b, t) phases to (b, n, width)."""

    def __init__(self, patches: Patches, width: int) -> None:
        super().__init__()
        self.patches = patches
        self.phase = nn.Linear(2 * HARMONICS, width)
        self.slice = nn.Parameter(torch.randn(patches.size[0], width) * 0.02)
        self.place = nn.Parameter(torch.randn(*patches.places, width) * 0.02)

    def forward(self, phases: Tensor) -> Tensor:
        places = rearrange(self.phase(self.patches.phase_features(phases)), "b t d -> b t 1 1 1 d")
        places = places + rearrange(self.slice, "z d -> z 1 1 d") + self.place
        return rearrange(places, "b t z y x d -> b (t z y x) d")


class Block(nn.Module):
    """Attention between all tokens that are there, then a perceptron; the identity at the start of training."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = ResidualAttention(width, heads)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), zero_linear(4 * width, width)
        )

    def forward(self, tokens: Tensor, there: Tensor, places: Tensor | None = None) -> Tensor:
        """Transform (b, n, width); tokens where `there` (b, n) is False are not attended to.

        With `places` (b, k) only these tokens are transformed and returned, (b, k, width).
        """
        tokens = self.attention(tokens, there, places=places)
        return tokens + self.perceptron(tokens)


def with_front(there: Tensor, count: int) -> Tensor:
    """Which tokens are there, (b, n), after `count` tokens in front that always are."""
    return torch.cat([there.new_ones(len(there), count), there], dim=1)
