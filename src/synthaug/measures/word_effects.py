"""Effect of a word on the image: the cine beside the one of the same noise whose sentence lacks the word's clauses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from synthaug.data.cohort import Cohort
from synthaug.text.clauses import without
from synthaug.text.sentences import sentences_of


class Sampler(Protocol):
    """A generator that reads sentences."""

    def sample(
        self, requests: Cohort, batch_size: int = 1
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
        """As `Generator.sample`."""


def has_word(sentence: str, word: str) -> bool:
    """Whether a sentence has a word; tokens in brackets, such as ``[CLS]``, stand before every sentence."""
    return word.startswith("[") or without(sentence, word) is not None


def word_effects(
    generator: Sampler, request: Cohort, words: Sequence[str], cine: np.ndarray
) -> dict[str, np.ndarray]:
    """Where the image changes when the clauses with a word are left out of the sentence.

    Unlike attention, the change is caused by the words: sampling is repeated with the same noise and everything else
    that was requested.

    Parameters
    ----------
    generator : Sampler
        Whose samples depend on a request and its seed only.
    request : Cohort
        Of one subject, with its sentence in column `sentence`.
    words : sequence of str
        Words or phrases. Tokens that are no words of a sentence, such as ``[CLS]``, have no effect of their own.
    cine : ndarray, shape (t, z, y, x)
        What the generator made of the request.

    Returns
    -------
    dict of str to ndarray, shape (t, z, y, x), float32
        Absolute difference of the intensities, by word; only of words that the sentence has.

    References
    ----------
    Zeiler and Fergus, Visualizing and understanding convolutional networks, ECCV 2014 (occlusion), here of words.
    """
    (sentence,) = sentences_of(request.table)
    found: dict[str, np.ndarray] = {}
    # Words of one clause leave the same sentence.
    of_sentence: dict[str, np.ndarray] = {}
    for word in words:
        shorter = None if word.startswith("[") else without(sentence, word)
        if shorter is None:
            continue
        if shorter not in of_sentence:
            edited = dataclasses.replace(request, table=request.table.assign(sentence=shorter))
            ((_, changed, _),) = generator.sample(edited)
            of_sentence[shorter] = np.abs(changed.astype(np.float32) - cine)
        found[word] = of_sentence[shorter]
    return found
