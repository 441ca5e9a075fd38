"""Transformer over the words of a sentence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from synthaug.networks.attention import ResidualAttention


class TextTransformer(nn.Module):
    """Word embeddings, learned places, and blocks of attention between all words.

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
    """

    def __init__(self, vocabulary: int, width: int, depth: int, heads: int, longest: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
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
        tokens = self.words(indices)
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
