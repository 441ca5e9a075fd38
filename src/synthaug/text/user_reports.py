"""A user's own reports, joined to the subjects of a cohort."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from synthaug.core.subject_tables import match_subjects, read_subject_table


def read_reports(
    path: str | Path, id_column: str, text_column: str, subjects: pd.DataFrame, dataset: str
) -> dict[str, str]:
    """Free text by subject.

    Parameters
    ----------
    path : path
        Text table with a header, as of `synthaug.core.subject_tables.read_subject_table`.
    id_column, text_column : str
        Its columns with ids and with text.
    subjects : DataFrame
        Columns ``subject`` and, where known, ``patient``.
    dataset : str
        Name of the dataset.

    Returns
    -------
    dict of str to str
        Of the subjects that have a text; white space is single spaces.

    Raises
    ------
    SynthaugError
        As `synthaug.core.subject_tables`.
    """
    table = read_subject_table(Path(path), id_column, [text_column], "reports", "reports.table")
    where = f"datasets.{dataset}.reports: {path}"
    matched = match_subjects(table, id_column, subjects, dataset, where)[text_column].dropna()
    texts = {str(subject): " ".join(str(text).split()) for subject, text in matched.items()}
    return {subject: text for subject, text in texts.items() if text}
