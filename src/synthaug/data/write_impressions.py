"""One sentence for every subject of a fold, from what the fold may know of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import pandas as pd

from synthaug.config.data import ReportTableSettings
from synthaug.data.cohort import Cohort
from synthaug.data.sentence_column import SENTENCE_COLUMNS
from synthaug.text.impressions import number_of_subject, training_sentence
from synthaug.text.reading import warnings_of
from synthaug.text.user_reports import read_reports

log = logging.getLogger(__name__)


def write_impressions(
    cohort: Cohort, reports: Mapping[str, ReportTableSettings], subjects: Sequence[str]
) -> pd.DataFrame:
    """Sentences of the fold's training and validation subjects.

    A contradiction between a report and its subject's numbers, and words of it that the grammar does not know, are
    logged as warnings, one line a subject and finding.

    Parameters
    ----------
    cohort : Cohort
        With the labels of the fold only, and the phenotypes that sentences tell of: facts measured on withheld labels
        are not said.
    reports : mapping of str to ReportTableSettings
        The user's own reports by dataset.
    subjects : sequence of str
        Whose sentences are written.

    Returns
    -------
    DataFrame
        Columns ``subject``, ``sentence`` (the report, else written with training wordings; NA where nothing is known)
        and ``report``.
    """
    own: dict[str, str] = {}
    for dataset, settings in reports.items():
        table = cohort.table[cohort.table["dataset"] == dataset].reset_index(drop=True)
        own |= read_reports(settings.table, settings.id, settings.text, table, dataset)
    rows = []
    for subject in subjects:
        row = cohort.record(subject)
        report = own.get(subject)
        if report is not None:
            for line in warnings_of(subject, report, row):
                log.warning("%s", line)
        sentence = training_sentence({**row, "report": report}, number_of_subject(subject))
        rows.append({"subject": subject, "sentence": sentence or None, "report": report})
    return pd.DataFrame(rows, columns=list(SENTENCE_COLUMNS), dtype="string")
