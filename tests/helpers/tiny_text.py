"""A text encoder small enough for a test: word vectors and one layer of attention. `TINY_TEXT` is its entry in a study."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from edited_tables import write_table
from torch import Tensor, nn

from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import TEXT_COLUMNS
from synthaug.models.text_encoder import EncodedText, TextEncoder
from synthaug.networks.attention import ResidualAttention

TINY_TEXT: dict[str, Any] = {"kind": "plugin", "class": "tiny_text:TinyText"}
#: What makes the autoencoder's latent frames 8 x 8: text-driven models have many layers.
SMALL_LATENTS = {"channels": [4, 4, 8]}
WORDS = 64
#: By diagnosis; the last subject of a store has none.
SENTENCES = {"NOR": "normal heart", "DCM": "dilated left ventricle of poor function"}


def tell(store: Path) -> Path:
    """Write a report for each subject of a packed store but the last, and return the store."""
    table = read_tsv(store / "subjects.tsv", TEXT_COLUMNS)
    table["sentence"] = [SENTENCES[diagnosis] for diagnosis in table["diagnosis"]]
    table.loc[table.index[-1], "sentence"] = None
    table["report"] = table["sentence"]
    write_table(store, table)
    return store


class TinyText(TextEncoder):
    """Words by their checksum; nothing is learned."""

    roles = ()
    width, word_width, longest = 8, 6, 24

    def __init__(self, settings: Any, grid: Any, needs: Any, facts: Any = None) -> None:
        super().__init__(settings, grid, needs, facts)
        self.words = nn.Embedding(WORDS, self.word_width)
        self.input = nn.Linear(self.word_width, self.width)
        self.layer = ResidualAttention(self.width, 1)
        nn.init.normal_(self.layer.attention.output.weight, std=0.5)

    def encode(self, sentences: Sequence[str], prefix: Tensor | None = None) -> EncodedText:
        """Each word, having looked at the others that exist."""
        rows = [self.pieces(sentence) for sentence in sentences]
        length = max(map(len, rows))
        ids = [
            [zlib.crc32(word.encode()) % WORDS for word in row] + [0] * (length - len(row)) for row in rows
        ]
        vectors = self.words(torch.tensor(ids, dtype=torch.long).view(len(rows), length).to(self.device))
        there = torch.tensor(
            [[place < len(row) for place in range(length)] for row in rows], dtype=torch.bool
        )
        there = there.view(len(rows), length).to(self.device)
        if prefix is not None:
            vectors = torch.cat([prefix, vectors], dim=1)
            there = torch.cat([there.new_ones(len(rows), prefix.shape[1]), there], dim=1)
        hidden = self.input(vectors)
        return EncodedText(torch.nan_to_num(self.layer(hidden, there)) if hidden.numel() else hidden, there)

    def embed(self, sentences: Sequence[str]) -> Tensor:
        """Mean of the words."""
        tokens, known = self.encode(sentences)
        return (tokens * known[..., None]).sum(dim=1) / known.sum(dim=1, keepdim=True).clamp(min=1)

    def pieces(self, sentence: str) -> list[str]:
        """Its words."""
        return sentence.split()[: self.longest]

    def prepare(self, store: Any) -> None:
        """Nothing."""

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        return {"indices": torch.tensor(indices)}

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return sum(parameter.square().sum() for parameter in self.parameters()), {}
