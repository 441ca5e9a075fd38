"""Effect of a word on the image: the cine beside the one of the same noise whose sentence lacks the word's clauses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
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
    generator: Sampler, requests: Cohort, words: Sequence[str], cines: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Where the image changes when the clauses with a word are left out of the sentence.

    Unlike attention, the change is caused by the words: sampling is repeated with the same noise and everything else
    that was requested.

    Parameters
    ----------
    generator : Sampler
        Whose samples depend on a request and its seed only.
    requests : Cohort
        With sentences in column `sentence`.
    words : sequence of str
        Words or phrases. Tokens that are no words of a sentence, such as ``[CLS]``, have no effect of their own.
    cines : mapping of str to ndarray, shape (t, z, y, x)
        What the generator made of the requests, by subject.

    Yields
    ------
    subject, word : str
    effect : ndarray, shape (t, z, y, x), float32
        Absolute difference of the intensities.

    References
    ----------
    Zeiler and Fergus, Visualizing and understanding convolutional networks, ECCV 2014 (occlusion), here of words.
    """
    for word in words:
        if word.startswith("["):
            continue
        table = requests.table.copy()
        shorter = [without(sentence, word) for sentence in sentences_of(table)]
        table["sentence"] = ["" if sentence is None else sentence for sentence in shorter]
        having = [
            subject
            for subject, sentence in zip(requests.subjects, shorter, strict=True)
            if sentence is not None
        ]
        if not having:
            continue
        edited = dataclasses.replace(requests, table=table).select(having)
        for subject, cine, _ in generator.sample(edited):
            yield subject, word, np.abs(cine.astype(np.float32) - cines[subject])
