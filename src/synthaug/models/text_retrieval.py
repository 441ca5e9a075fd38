"""What models that align sentences with cines have in common: pairs of sentences, their loss, how well they are found."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synthaug.text.facts import facts_of
from synthaug.text.impressions import compose

log = logging.getLogger(__name__)


class TrainingTexts(NamedTuple):
    """Two sentences of one subject.

    Attributes
    ----------
    first, second : str
        Paraphrases of each other; the same text where it is a report.
    said : frozenset of (str, str)
        What the first says; the second says the same, at most without a number that its wordings leave out.
    true : frozenset of (str, str)
        All that is known of the subject, its report among it.
    """

    first: str
    second: str
    said: frozenset[tuple[str, str]]
    true: frozenset[tuple[str, str]]


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a store's table, by column."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def warn_of_cut_sentences(lengths: Sequence[int], longest: int, kind: str) -> None:
    """One line where sentences of the training subjects have more pieces than a text encoder of this kind reads."""
    cut = sum(length > longest for length in lengths)
    if cut:
        log.warning(
            "%s: %d of %d training sentences are longer than the %d pieces that are read, the longest has %d; what lies "
            "behind is not read: %s",
            kind,
            cut,
            len(lengths),
            longest,
            max(lengths),
            "raise longest"
            if kind == "text_encoder"
            else "give shorter reports, or take a model that reads more",
        )


def training_texts(row: Mapping[str, Any], draw: np.random.Generator, share: float) -> TrainingTexts:
    """Two fresh paraphrases of what is known of a subject, in training wordings.

    Parameters
    ----------
    row : mapping
        Row of the store's table, for an augmented cine as `synthaug.text.impressions.rescaled` gives it. Of a subject
        with a ``report`` every second draw is that.
    draw : Generator
        Source of all randomness.
    share : float
        Probability that a fact is said.
    """
    facts = facts_of(row)
    true = frozenset(facts.items())
    report = row.get("report")
    if isinstance(report, str):
        own = frozenset({("report", report)})
        true |= own
        if not facts or draw.random() < 0.5:
            return TrainingTexts(report, report, own, true)
    first = compose(facts, draw, share=share)
    second = compose({name: value for name, value in facts.items() if (name, value) in first.said}, draw)
    return TrainingTexts(first.sentence, second.sentence, first.said, true)


def soft_cross_entropy(logits: Tensor, true: Tensor) -> Tensor:
    """Symmetric cross-entropy of scores with targets that are spread evenly over all that is true.

    Parameters
    ----------
    logits : Tensor, shape (n, n)
        Scores, divided by the temperature.
    true : Tensor of bool, shape (n, n)
        At least one in each row and column.

    Returns
    -------
    Tensor
        Mean over rows of -sum_j P_ij log softmax_j, and the same of columns, halved.
    """
    wanted = true.to(logits)
    rows = (wanted / wanted.sum(dim=1, keepdim=True) * logits.log_softmax(dim=1)).sum(dim=1)
    columns = (wanted / wanted.sum(dim=0, keepdim=True) * logits.log_softmax(dim=0)).sum(dim=0)
    return -(rows.mean() + columns.mean()) / 2


def retrieval_scores(scores: Tensor, true: Tensor) -> dict[str, float]:
    """How often the best match is right.

    Parameters
    ----------
    scores : Tensor, shape (n, n)
        Of sentence i with cine j.
    true : Tensor of bool, shape (n, n)
        Whether all that sentence i says is true of subject j.

    Returns
    -------
    dict of str to float
        ``text_to_image`` and ``image_to_text``: share of sentences (cines) whose best cine (sentence) is right;
        ``chance``: the share that a blind guess would reach.
    """
    n = len(scores)
    own = torch.arange(n)
    return {
        "text_to_image": float(true[own, scores.argmax(dim=1)].float().mean()),
        "image_to_text": float(true[scores.argmax(dim=0), own].float().mean()),
        "chance": float(true.float().mean()),
    }
