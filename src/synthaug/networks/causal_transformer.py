"""Causal transformer of codes: what each may be, given those before it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor, nn

from synthaug.networks.attention import attend
from synthaug.networks.blocks import zero_linear
from synthaug.networks.masked_transformer import Places, take
from synthaug.networks.patches import Patches


class KeyValues:
    """Keys and values that one layer of attention computed so far.

    Parameters
    ----------
    limit : int
        Tokens at most.

    Attributes
    ----------
    length : int
        Tokens so far.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.length = limit, 0
        self._kept: tuple[Tensor, Tensor] | None = None

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and values, (b, heads, length, d) each, after these, (b, heads, n, d) each."""
        if self._kept is None:
            shape = (*key.shape[:2], self.limit, key.shape[3])
            self._kept = key.new_empty(shape), value.new_empty(shape)
        start, self.length = self.length, self.length + key.shape[2]
        keys, values = self._kept
        keys[:, :, start : self.length], values[:, :, start : self.length] = key, value
        return keys[:, :, : self.length], values[:, :, : self.length]


@dataclass(frozen=True)
class Decoding:
    """What is kept from one code to the next.

    Attributes
    ----------
    places : Tensor, shape (b, n, width)
        Embedding of where each token is, in the order in which they come.
    front : int
        Tokens in front of the first.
    layers : list of KeyValues
        One a block.
    """

    places: Tensor
    front: int
    layers: list[KeyValues]

    @property
    def done(self) -> int:
        """Codes whose logits are known."""
        return self.layers[0].length - self.front


class CausalTransformer(nn.Module):
    """Logits of every code, given the codes before it, the conditions and the slices.

    One token of each condition is in front. The token of a code holds the vector of the code before it and its own
    place; that of the first holds which slices exist. Tokens come in an order of their own for each sample, those of
    missing slices last: attention is causal, so no token that exists sees one.

    Parameters
    ----------
    patches : Patches
        Where tokens are; a patch is one latent vector.
    width, depth, heads : int
        Features of a token, blocks, attention heads.
    codes : int
        Codes of the codebook.

    References
    ----------
    Yan et al., VideoGPT, 2021 (linear layer of the vectors of the codes, shifted by one; output that starts at 0).
    """

    def __init__(self, patches: Patches, width: int, depth: int, heads: int, codes: int) -> None:
        super().__init__()
        self.slices = nn.Linear(patches.size[0], width)
        self.input = nn.Linear(patches.features, width)
        self.places = Places(patches, width)
        self.blocks = nn.ModuleList(CausalBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.output = zero_linear(width, codes)

    def forward(
        self, vectors: Tensor, order: Tensor, slices: Tensor, phases: Tensor, conditions: Tensor
    ) -> Tensor:
        """Logits of all codes at once, (b, n, codes).

        Parameters
        ----------
        vectors : Tensor, shape (b, n, features)
            Vectors of the codes, in the order of `order`.
        order : Tensor of int, shape (b, n)
            Place of each token in the order of `Patches.cut`.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice exists.
        phases : Tensor, shape (b, t)
            Cardiac phase of every latent frame.
        conditions : Tensor, shape (b, m, width)
            One token a condition.
        """
        before = torch.cat([self._first(slices), self.input(vectors[:, :-1])], dim=1)
        tokens = torch.cat([conditions, before + take(self.places(phases), order)], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        return self._logits(tokens[:, conditions.shape[1] :])

    def begin(
        self, order: Tensor, slices: Tensor, phases: Tensor, conditions: Tensor, limit: int
    ) -> tuple[Tensor, Decoding]:
        """Logits of the first code, (b, codes), and what `proceed` needs for up to `limit` of them.

        Arguments as those of `forward`.
        """
        places, front = take(self.places(phases), order), conditions.shape[1]
        decoding = Decoding(places, front, [KeyValues(front + limit) for _ in self.blocks])
        tokens = torch.cat([conditions, self._first(slices) + places[:, :1]], dim=1)
        return self._advance(tokens, decoding), decoding

    def proceed(self, vectors: Tensor, decoding: Decoding) -> Tensor:
        """Logits of the next code, (b, codes), after one of these vectors, (b, features)."""
        return self._advance(self.input(vectors)[:, None] + decoding.places[:, decoding.done, None], decoding)

    def _first(self, slices: Tensor) -> Tensor:
        first: Tensor = self.slices(slices.flatten(1))
        return first[:, None]

    def _advance(self, tokens: Tensor, decoding: Decoding) -> Tensor:
        for block, layer in zip(self.blocks, decoding.layers, strict=True):
            tokens = block(tokens, layer)
        return self._logits(tokens[:, -1])

    def _logits(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.output(self.norm(tokens))
        return logits


class CausalBlock(nn.Module):
    """Attention to the tokens before and to itself, then a perceptron; the identity at the start of training."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attended = zero_linear(width, width)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), zero_linear(4 * width, width)
        )

    def forward(self, tokens: Tensor, before: KeyValues | None = None) -> Tensor:
        """Transform (b, n, width): whole sequences, their beginning, or with keys and values `before` one token more."""
        query, key, value = rearrange(
            self.query_key_value(self.norm(tokens)), "b n (three h d) -> three b h n d", three=3, h=self.heads
        )
        if before is not None:
            key, value = before.append(key, value)
        # One token, the last, sees all that are there.
        attended = attend(query, key, value, causal=tokens.shape[1] > 1)
        tokens = tokens + self.attended(rearrange(attended, "b h n d -> b n (h d)"))
        return tokens + self.perceptron(tokens)
