"""Requests whose diagnosis a generator reads in the sentence alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from synthaug.data.cohort import Cohort
from synthaug.text.sentences import sentences_of

#: Key of ``cohort.json``, of such requests and of what was made of them.
CLASS_FROM_SENTENCE = "class_from_sentence"


def with_class_in_words(requests: Cohort) -> Cohort:
    """The same requests, marked for `leave_class_open`; what follows from them keeps the diagnosis in their table."""
    return replace(requests, meta={**requests.meta, CLASS_FROM_SENTENCE: True})


def leave_class_open(requests: Cohort) -> Cohort:
    """Requests as a generator that reads sentences is given them.

    Parameters
    ----------
    requests : Cohort
        Of kind ``"request"``.

    Returns
    -------
    Cohort
        Where they are marked (`synthesis.requests.class_from_sentence`), with an open diagnosis in each row that has a sentence;
        else as they are.
    """
    if not requests.meta.get(CLASS_FROM_SENTENCE):
        return requests
    worded = np.array([bool(sentence) for sentence in sentences_of(requests.table)])
    return replace(requests, table=requests.table.assign(diagnosis=requests.table["diagnosis"].mask(worded)))
