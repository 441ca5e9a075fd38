"""Result rows of a task's tested subjects, with their patient and role in the split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.data.splits import all_tested
from synthaug.measures.leakage import refuse_seen, seen_in_training
from synthaug.tasks.base import Task


def score_tested(
    task: Task, predictions: Path, cohort: Cohort, split: pd.DataFrame, fields: Mapping[str, Any]
) -> pd.DataFrame:
    """Score the predictions of all tested subjects of a fold, and say who they are.

    The columns `patient` and `role` are filled here, for every task, so that no task can leave them out.

    Parameters
    ----------
    task : Task
        The task whose predictions are scored.
    predictions : Path
        Folder that `Task.predict` wrote.
    cohort : Cohort
        All real subjects of the study.
    split : DataFrame
        The fold's table (`synthaug.data.splits.read_split`).
    fields : mapping
        Columns that all rows share: arm, generator, dose, fold, seeds.

    Returns
    -------
    DataFrame
        The rows of `Task.score`. Rows of a subject have its `patient` (visits of one patient share it, those
        of `split.same_patient` included) and `role`, ``"test"`` or ``"test_within"``.

    Raises
    ------
    SynthaugError
        The task was trained on a tested patient, or scores a subject that is not tested in this fold.
    """
    tested = cohort.select(all_tested(split))
    refuse_seen(f"task on arm {fields.get('arm')}", seen_in_training(predictions), split)
    rows = task.score(predictions, tested, fields)
    foreign = sorted(set(rows["subject"].dropna()) - set(tested.subjects))
    if foreign:
        raise SynthaugError(
            f"{predictions}: score() gives rows of {foreign[0]}, who is not tested in this fold; "
            "score the subjects of the cohort only"
        )
    known = split.set_index("subject")
    return rows.assign(patient=rows["subject"].map(known["patient"]), role=rows["subject"].map(known["role"]))
