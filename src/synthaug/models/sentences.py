"""Sentences of training subjects and of requests, and their features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from synthaug.models.text_encoder import CONTINUED, EncodedText
from synthaug.text.impressions import number_of_subject, rescaled, training_sentence

#: Paraphrases for the facts of a row when the heart is enlarged in the plane: of a row, the enlargement and how many
#: are wanted; fewer may come, and none where nothing is known.
Write = Callable[[Mapping[str, Any], float, int], Sequence[str]]
#: Features of sentences of subjects of these classes, (b,).
Encode = Callable[[Sequence[str], Tensor], EncodedText]
_TOGETHER = 32  # sentences that are encoded at once


def paraphrases_of(row: Mapping[str, Any], scale: float, count: int) -> list[str]:
    """Sentences of a training copy: the user's report where the row has one, else the facts of the enlarged heart.

    Parameters
    ----------
    row : mapping
        Row of a store's table.
    scale : float
        In-plane enlargement of the copy.
    count : int
        Paraphrases to write.

    Returns
    -------
    list of str
        Each once; none where nothing is known.
    """
    own, enlarged = number_of_subject(str(row.get("subject"))), rescaled(row, scale)
    written = [training_sentence(enlarged, own + number) for number in range(count)]
    return list(dict.fromkeys(sentence for sentence in written if sentence))


class Sentences(tuple[str, ...]):
    """Sentences in a training batch: words need no device, and the loop moves what a batch holds."""

    def to(self, device: torch.device, non_blocking: bool = False) -> Sentences:
        """Themselves."""
        return self


@dataclass(frozen=True)
class SentenceBank:
    """Sentences of encoded copies, each once.

    Attributes
    ----------
    sentences : tuple of str
        Without repetition; an empty one where nothing is known.
    places : Tensor of int, shape (copies, n, paraphrases)
        Place among them of each paraphrase of copy i of subject j.
    """

    sentences: tuple[str, ...]
    places: Tensor

    @classmethod
    def of(cls, table: pd.DataFrame, scale: Tensor, paraphrases: int, write: Write) -> SentenceBank:
        """Write the sentences of a fold's copies.

        Parameters
        ----------
        table : DataFrame
            Rows of the training subjects.
        scale : Tensor, shape (copies, n)
            In-plane enlargement of each copy.
        paraphrases : int
            Sentences of a copy.
        write : callable
            As `paraphrases_of`; where it gives fewer, they are repeated.
        """
        found: dict[str, int] = {}
        places = torch.empty(*scale.shape, paraphrases, dtype=torch.long)
        for index, row in enumerate(table.to_dict("records")):
            facts = {str(name): value for name, value in row.items()}
            for copy in range(len(scale)):
                written = list(write(facts, float(scale[copy, index]), paraphrases)) or [""]
                for number in range(paraphrases):
                    sentence = written[number % len(written)]
                    places[copy, index, number] = found.setdefault(sentence, len(found))
        return cls(tuple(found), places)

    def draw(self, copies: Tensor, indices: Tensor, generator: torch.Generator) -> Tensor:
        """Place of a random paraphrase of copies (b,) of subjects (b,)."""
        which = torch.randint(self.places.shape[2], (len(indices),), generator=generator)
        return self.places[copies, indices, which]


@dataclass(frozen=True)
class EncodedBank:
    """Features of a bank's sentences, each pair of a sentence and a class once.

    Attributes
    ----------
    tokens : Tensor, shape (m, n, width), float16, on the CPU
    known : Tensor of bool, shape (m, n)
    places : Tensor of int, shape (copies, subjects, paraphrases)
        Place of each copy's paraphrases.
    """

    tokens: Tensor
    known: Tensor
    places: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, bank: SentenceBank, classes: Tensor, encode: Encode, device: torch.device) -> EncodedBank:
        """Encode a bank whose subjects have these classes, (n,)."""
        pairs, places = torch.unique(
            torch.stack([bank.places, classes[None, :, None].expand_as(bank.places)], dim=-1).flatten(0, -2),
            dim=0,
            return_inverse=True,
        )
        encoded = []
        for part in pairs.split(_TOGETHER):
            sentences = [bank.sentences[place] for place in part[:, 0].tolist()]
            encoded.append(encode(sentences, part[:, 1].to(device)))
        longest = max(part.known.shape[1] for part in encoded)
        tokens = torch.zeros(len(pairs), longest, encoded[0].tokens.shape[2], dtype=torch.float16)
        known = torch.zeros(len(pairs), longest, dtype=torch.bool)
        for number, one in enumerate(encoded):
            rows, length = slice(number * _TOGETHER, (number + 1) * _TOGETHER), one.known.shape[1]
            tokens[rows, :length], known[rows, :length] = one.tokens.half().cpu(), one.known.cpu()
        return cls(tokens, known, places.view_as(bank.places))

    def draw(self, copies: Tensor, indices: Tensor, generator: torch.Generator) -> EncodedText:
        """A random paraphrase of copies (b,) of subjects (b,)."""
        which = torch.randint(self.places.shape[2], (len(indices),), generator=generator)
        places = self.places[copies, indices, which]
        return EncodedText(self.tokens[places].float(), self.known[places])


def with_place(encoded: EncodedText) -> EncodedText:
    """The same with at least one place, which may hold the null."""
    lacking = max(1 - encoded.known.shape[1], 0)
    tokens = functional.pad(encoded.tokens, (0, 0, 0, lacking))
    return EncodedText(tokens, functional.pad(encoded.known, (0, lacking)))


def without_empty(encoded: EncodedText, sentences: Sequence[str]) -> EncodedText:
    """The same with nothing known of empty sentences, as learned words in front are no sentence; 0 where unknown."""
    told = torch.tensor([bool(sentence) for sentence in sentences]).to(encoded.known.device)
    known = encoded.known & told[:, None]
    return EncodedText(torch.where(known[..., None], encoded.tokens, 0.0), known)


def word_columns(pieces: Sequence[str], words: Sequence[str], length: int) -> Tensor:
    """Weights of tokens in words, (length, w): the mean of a word's pieces, over all its places in the sentence.

    Parameters
    ----------
    pieces : sequence of str
        Of the sentence, one a token; those beyond `length` were cut.
    words : sequence of str
        Words or phrases; case and spaces do not matter. They match whole words, which may consist of several pieces.

    Returns
    -------
    Tensor
        A column of zeros for a word that the sentence lacks.
    """
    pieces = pieces[:length]
    plain = [_plain(piece.removeprefix(CONTINUED)) for piece in pieces]
    begins = [not piece.startswith(CONTINUED) for piece in pieces] + [True]
    columns = torch.zeros(length, len(words))
    for number, word in enumerate(words):
        wanted = _plain(word)
        for first in range(len(plain)):
            last, joined = first, ""
            while last < len(plain) and len(joined) < len(wanted):
                joined += plain[last]
                last += 1
            if wanted and joined == wanted and begins[first] and begins[last]:
                columns[first:last, number] = 1
    return columns / columns.sum(dim=0).clamp(min=1)


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()
