"""Transformer over the words of a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from synthaug.networks.attention import ResidualAttention

#: Numbers between which embeddings change smoothly, and the ratio of neighbouring centres.
_SMALLEST, _LARGEST, _RATIO = 0.5, 1000.0, 1.25


class TextTransformer(nn.Module):
    """Word embeddings, learned places, and blocks of attention between all words.

    A word has a vector of its own. A number has a linear map of radial basis functions of its logarithm, so that 60 is
    nearer to 65 than to 120 before any training, and what is learned of one number holds for its neighbours: a fold seldom
    has each number twice.

    A token in front of each sentence makes that there is always one to attend to; with the words it gives the mean that
    stands for the sentence.

    Parameters
    ----------
    vocabulary : int
        Number of words.
    width, depth, heads : int
        Features of a token, blocks, attention heads.
    longest : int
        Most tokens of a sentence, without the first.
    values : sequence of float
        What each word of the vocabulary is as a number; NaN for those that are none. Empty: none is a number.

    References
    ----------
    Gorishniy et al., On embeddings for numerical features in tabular deep learning, NeurIPS 2022: numbers by fixed
    functions of their value and a learned linear map.
    """

    numbers: Tensor
    is_number: Tensor

    def __init__(
        self, vocabulary: int, width: int, depth: int, heads: int, longest: int, values: Sequence[float] = ()
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        value = torch.tensor([*values] or [math.nan] * vocabulary, dtype=torch.float32)
        self.register_buffer("is_number", ~value.isnan(), persistent=False)
        self.register_buffer("numbers", number_features(value), persistent=False)
        self.of_numbers = nn.Linear(self.numbers.shape[1], width)
        self.begin = nn.Parameter(torch.randn(width) * 0.02)
        self.places = nn.Parameter(torch.randn(longest, width) * 0.02)
        self.attention = nn.ModuleList(ResidualAttention(width, heads) for _ in range(depth))
        self.forwarded = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.words.weight, std=0.2)
        nn.init.normal_(
            self.of_numbers.weight, std=0.15
        )  # two to three functions are near 1: as large as a word

    def forward(
        self, indices: Tensor, known: Tensor, prefix: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Features of sentences.

        Parameters
        ----------
        indices : Tensor, shape (b, n)
            Numbers of the words; any number where there is none.
        known : Tensor of bool, shape (b, n)
            True where a word exists.
        prefix : Tensor, shape (b, m, width), optional
            Learned words in front.

        Returns
        -------
        tokens : Tensor, shape (b, m + n, width)
        known : Tensor of bool, shape (b, m + n)
        pooled : Tensor, shape (b, width)
            Mean of the known tokens and the first.
        """
        tokens = torch.where(
            self.is_number[indices][..., None], self.of_numbers(self.numbers[indices]), self.words(indices)
        )
        if prefix is not None:
            tokens = torch.cat([prefix.to(tokens), tokens], dim=1)
            known = torch.cat([torch.ones_like(prefix[..., 0], dtype=torch.bool), known], dim=1)
        tokens = tokens + self.places[: tokens.shape[1]]
        tokens = torch.cat([self.begin.expand(len(tokens), 1, -1), tokens], dim=1)
        present = torch.cat([torch.ones_like(known[:, :1]), known], dim=1)
        if known.shape[1] == 0:
            present = torch.ones(len(tokens), 1, dtype=torch.bool, device=tokens.device)
        for attention, forwarded in zip(self.attention, self.forwarded, strict=True):
            tokens = attention(tokens, present)
            tokens = tokens + forwarded(tokens)
        tokens = self.norm(tokens)
        weights = present[..., None].to(tokens)
        pooled = (tokens * weights).sum(dim=1) / weights.sum(dim=1)
        return tokens[:, 1:], known, pooled


def number_features(values: Tensor) -> Tensor:
    """Radial basis functions of the logarithm of numbers (n,), as (n, k); 0 where a number is NaN.

    Centres ascend by a quarter from 0.5 to 1000, and each function falls to 0.61 at the next. Numbers beyond are those at the
    ends.
    """
    centres = torch.arange(math.log(_SMALLEST), math.log(_LARGEST), math.log(_RATIO))
    logs = values.clamp(_SMALLEST, _LARGEST).log()
    distances = (logs[:, None] - centres) / math.log(_RATIO)
    return torch.exp(-(distances**2) / 2).nan_to_num(0.0)
