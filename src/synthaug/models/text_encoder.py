"""What models and generators that read sentences ask of a text encoder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from synthaug.models.base import TrainableModel

#: Before a piece that goes on with the word of the piece before it.
CONTINUED = "##"


class EncodedText(NamedTuple):
    """Sentences as features.

    Attributes
    ----------
    tokens : Tensor, shape (b, n, width)
        One feature a piece of the sentence, in the order of its words; those of a prefix come first.
    known : Tensor of bool, shape (b, n)
        True where a piece exists. An empty sentence without a prefix has none.
    """

    tokens: Tensor
    known: Tensor


class TextEncoder(TrainableModel):
    """Encoder of sentences.

    Attributes
    ----------
    width : int
        Features of a token.
    word_width : int
        Features of a word before the network has read its neighbours: the length of a prefix vector.
    longest : int
        Most pieces of a sentence, a prefix among them; longer sentences are cut.
    """

    width: int
    word_width: int
    longest: int

    @abstractmethod
    def encode(self, sentences: Sequence[str], prefix: Tensor | None = None) -> EncodedText:
        """Features of sentences; gradients reach the prefix.

        Parameters
        ----------
        sentences : sequence of str
            An empty one has no pieces.
        prefix : Tensor, shape (b, m, word_width), optional
            Learned words in front of each sentence (Zhou et al., CoOp, IJCV 2022).
        """

    @abstractmethod
    def embed(self, sentences: Sequence[str]) -> Tensor:
        """One feature a sentence, (b, d), in the space that it shares with images."""

    @abstractmethod
    def pieces(self, sentence: str) -> list[str]:
        """The pieces of a sentence, one a token that `encode` gives without a prefix.

        A piece that goes on with a word begins with `CONTINUED`; otherwise it is what a reader would write.
        """
