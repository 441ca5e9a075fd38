"""Requests in words: the sentence that a generator which reads text is asked with."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace

import pandas as pd

from synthaug.data.cohort import Cohort
from synthaug.text.impressions import write
from synthaug.text.reading import warnings_of

log = logging.getLogger(__name__)
#: Column of requests whose wordings another number than that of the sample chooses.
WORDING = "wording_seed"


def word_requests(requests: Cohort, held_out: bool, known: Collection[str] = ()) -> Cohort:
    """The same requests, each with a sentence.

    A sentence that the requests' own table gives stays. The others are written from what is requested; what is left
    open is not said, and a request that is open altogether stays without: the null condition. The seed of a request's
    sample, or the column `WORDING`, chooses its wordings, so that two generators are asked with the same sentences. Contradictions between a
    sentence and the request's numbers, and unknown words, are logged as warnings, one line each.

    Parameters
    ----------
    requests : Cohort
        Of kind ``"request"``.
    held_out : bool
        Whether written sentences have the held-out wordings.
    known : collection of str
        Words of the training sentences, beside those of the grammar.

    Returns
    -------
    Cohort
        With the column ``sentence``.
    """
    own = requests.table.get("sentence")
    sentences: list[str | None] = []
    for subject in requests.subjects:
        row = requests.record(subject)
        given = None if own is None or pd.isna(own[subject]) else str(own[subject])
        sentence = given or write(row, int(row.get(WORDING, row["seed"])), held_out)
        if sentence:
            for line in warnings_of(subject, sentence, row, known):
                log.warning("%s", line)
        sentences.append(sentence or None)
    values = pd.Series(sentences, index=requests.table.index, dtype="string")
    return replace(requests, table=requests.table.assign(sentence=values))
