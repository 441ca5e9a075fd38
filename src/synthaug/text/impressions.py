"""Impressions: sentences written from the facts of a row, by the grammar of `synthaug.text.grammar`."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from synthaug.config.phenotype_conditions import condition_of
from synthaug.text.facts import Facts, facts_of, number_of
from synthaug.text.grammar import (
    GRAMMAR,
    HELD_OUT_OPENINGS,
    HELD_OUT_ORDERS,
    HELD_OUT_SEQUENCES,
    OPTIONAL,
    SEPARATORS,
    TRAINING_OPENINGS,
    TRAINING_ORDERS,
    TRAINING_SEQUENCES,
    fill,
    slots,
    wordings_of,
)


class Impression(NamedTuple):
    """A sentence and what it says.

    Attributes
    ----------
    sentence : str
        Empty where nothing is said.
    said : frozenset of (str, str)
        Names and values of the facts in it.
    """

    sentence: str
    said: frozenset[tuple[str, str]]


def write(row: Mapping[str, Any], paraphrase: int | np.random.Generator, held_out: bool = False) -> str:
    """The impression of one subject or request.

    Parameters
    ----------
    row : mapping
        Columns of a cohort's table or of requests, phenotypes among them; unknown is None, NA or NaN.
    paraphrase : int or Generator
        Which wordings, order and separators: a number gives the same sentence for the same row each time.
    held_out : bool
        Only held-out wordings, which are never used otherwise.

    Returns
    -------
    str
        Empty where no fact is known: the null condition.
    """
    return compose(facts_of(row), paraphrase, held_out).sentence


def training_sentence(row: Mapping[str, Any], paraphrase: int | np.random.Generator) -> str:
    """A fresh sentence of a training subject: the user's report where the row has one, else written in training wordings."""
    report = row.get("report")
    return report if isinstance(report, str) else write(row, paraphrase)


def compose(
    facts: Facts, paraphrase: int | np.random.Generator, held_out: bool = False, share: float = 1.0
) -> Impression:
    """A sentence of facts, and which of them it says.

    Parameters
    ----------
    facts : dict
        From `facts_of`.
    paraphrase, held_out
        As of `write`.
    share : float
        Probability that a known fact is said; one always is, and so is the sequence, which the opening has.
    """
    draw = np.random.default_rng(paraphrase) if isinstance(paraphrase, int) else paraphrase
    orders = HELD_OUT_ORDERS if held_out else TRAINING_ORDERS
    openings: tuple[str, ...]
    if "sequence" in facts:
        openings = HELD_OUT_SEQUENCES if held_out else TRAINING_SEQUENCES
    else:
        openings = HELD_OUT_OPENINGS if held_out else TRAINING_OPENINGS
    order = orders[draw.integers(len(orders))]
    opening = openings[draw.integers(len(openings))]
    separator = SEPARATORS[draw.integers(len(SEPARATORS))]
    # One number a fact, whatever is known, so that a fact more leaves the wordings of the others as they are.
    chances, choices = draw.random(len(GRAMMAR)), draw.random(len(GRAMMAR))
    number = {name: index for index, name in enumerate(GRAMMAR)}
    known = [name for name in order if name in facts]
    kept = [
        name
        for name in known
        if chances[number[name]] < (share / 2 if name in OPTIONAL and len(known) > 1 else share)
    ]
    if known and not kept:
        kept = [min(known, key=lambda name: chances[number[name]])]
    clauses, said = [], {("sequence", facts["sequence"])} if "sequence" in facts else set()
    for name in kept:
        wordings = wordings_of(name, facts[name])
        possible = [
            wording
            for wording in (wordings.held_out if held_out else wordings.training)
            if all(slot in facts for slot in slots(wording))
        ]
        wording = possible[int(choices[number[name]] * len(possible))]
        clauses.append(fill(wording, facts))
        said |= {(fact, facts[fact]) for fact in (name, *slots(wording))}
    if not said:
        return Impression("", frozenset())
    if clauses and separator == ". ":
        clauses = [clauses[0], *(clause[0].upper() + clause[1:] for clause in clauses[1:])]
    text = fill(opening, facts) + separator.join(clauses)
    text = text.removesuffix(": ")  # of a sequence alone
    return Impression(text[0].upper() + text[1:] + ".", frozenset(said))


def rescaled(row: Mapping[str, Any], scale: float) -> dict[str, Any]:
    """The row of the same heart enlarged in the plane: what a sentence about an augmented cine is written from.

    Parameters
    ----------
    row : mapping
        As of `write`.
    scale : float
        In-plane enlargement, as `synthaug.models.geometry.Geometry.scale`.

    Returns
    -------
    dict
        Volumes and masses times ``scale**2``, diameters and wall thickness times ``scale``; other values as they are.
    """
    found = dict(row)
    for name in row:
        value = number_of(row, name) if not isinstance(row[name], str) else None
        if value is not None and (growth := condition_of(str(name)).scaling):
            found[name] = value * scale**growth
    return found


def number_of_subject(subject: str) -> int:
    """The paraphrase that a subject's own sentence has: a number of its id."""
    return zlib.crc32(subject.encode())
