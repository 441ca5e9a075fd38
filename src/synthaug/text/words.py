"""Words of a sentence, the same for writer, reader and encoder."""

from __future__ import annotations

import re

_DECIMAL_COMMA = re.compile(r"(?<![\d.,])(\d+),(\d{1,2})(?![\d.,])")
_WORD = re.compile(r"\d+(?:\.\d+)?|[a-zà-öø-ÿ]+")
_SPELLED = (("%", " percent "), ("wall-motion", "wall motion"), ("tesla", "t"))
#: Largest relative difference at which a number is read as one of the vocabulary.
NEAR = 0.15


def words(sentence: str) -> list[str]:
    """Lower-case words and numbers; punctuation and hyphens separate, ``%`` is ``percent``, ``1,5`` is ``1.5``.

    >>> words("Severely reduced EF (25%), end-diastolic volume 240 mL.")
    ['severely', 'reduced', 'ef', '25', 'percent', 'end', 'diastolic', 'volume', '240', 'ml']
    """
    text = _DECIMAL_COMMA.sub(r"\1.\2", sentence.lower())
    for spelled, word in _SPELLED:
        text = text.replace(spelled, word)
    return _WORD.findall(text)


def is_number(word: str) -> bool:
    """Whether a word is a number."""
    return word[:1].isdigit()


def nearest_number(word: str, known: list[str]) -> str | None:
    """The number among `known` that is nearest to the number `word`, within 15 % of it; None where none is."""
    value = float(word)
    near = [other for other in known if abs(float(other) - value) <= NEAR * value]
    return min(near, key=lambda other: (abs(float(other) - value), float(other)), default=None)
