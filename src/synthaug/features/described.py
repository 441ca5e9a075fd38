"""The sentence that a subject's images are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthaug.text.impressions import number_of_subject, write

#: Facts that a sentence of their own says, beside the whole one.
PARTS = ("vendor", "sequence", "diagnosis")


def sentence_of(subject: Mapping[str, Any]) -> str | None:
    """The sentence that describes a subject in an evaluation.

    Parameters
    ----------
    subject : mapping
        Row of its cohort's table.

    Returns
    -------
    str or None
        What a synthetic subject was asked with; else what is written in held-out wordings: of a synthetic subject from
        what was requested of it, of a real one from its own facts. None where nothing is known.
    """
    given = subject.get("sentence")
    if isinstance(given, str):
        return given
    asked = {
        str(key).removeprefix("requested_"): value
        for key, value in subject.items()
        if str(key).startswith("requested_")
    }
    return write(asked or subject, number_of_subject(str(subject.get("subject"))), held_out=True) or None


def part_of(subject: Mapping[str, Any], part: str) -> dict[str, Any]:
    """The subject as if nothing but one fact of it were known.

    Parameters
    ----------
    subject : mapping
        Row of its cohort's table.
    part : str
        One of `PARTS`.

    Returns
    -------
    dict
        The row's id and, where it has it, the fact: as requested of a synthetic subject.
    """
    kept = ("subject", part, f"requested_{part}")
    return {name: subject[name] for name in kept if name in subject}
