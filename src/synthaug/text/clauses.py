"""Clauses of a sentence: what punctuation separates."""

from __future__ import annotations

import re

#: Ends of clauses. A point inside a number is none.
CLAUSE_END = re.compile(r"[.;,\n!?]+(?=\s|$)")


def without(sentence: str, phrase: str) -> str | None:
    """The sentence without the clauses that contain a phrase.

    Parameters
    ----------
    sentence : str
    phrase : str
        Word or phrase; case does not matter. It matches whole words.

    Returns
    -------
    str or None
        Empty where every clause contains it, None where none does.

    Examples
    --------
    >>> without("myocardial infarction; the inferior wall is akinetic; EF 35.5 %.", "inferior")
    'myocardial infarction; EF 35.5 %.'
    """
    spelled = r"\s+".join(map(re.escape, phrase.split()))
    wanted = re.compile(rf"(?<!\w)(?<!\d\.){spelled}(?!\w|\.\d)", re.IGNORECASE)
    # A clause with the punctuation and the space behind it.
    pieces, begin = [], 0
    for end in CLAUSE_END.finditer(sentence):
        pieces.append(sentence[begin : end.end()])
        begin = end.end()
    pieces.append(sentence[begin:])
    kept = [piece for piece in pieces if not wanted.search(piece)]
    if len(kept) == len(pieces):
        return None
    return "".join(kept).strip().rstrip(",;")
