"""Sentences joined to the table of a cohort."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort

#: Columns of a table of sentences.
SENTENCE_COLUMNS = ("subject", "sentence", "report")


def with_sentences(cohort: Cohort, path: str | Path | None) -> Cohort:
    """The cohort with the columns ``sentence`` and ``report`` of a table of `write_impressions`; as it is without one.

    A subject without a sentence has NA; ``report`` is the user's own text, where there is one.
    """
    if not path:
        return cohort
    found = read_tsv(path, SENTENCE_COLUMNS).set_index("subject").reindex(cohort.subjects)
    columns = {name: found[name].to_numpy(object) for name in SENTENCE_COLUMNS[1:]}
    return replace(cohort, table=cohort.table.assign(**columns).astype(dict.fromkeys(columns, "string")))
