"""Statistics of all downstream tasks of a study, with one family of tests over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from synthaug.config.arms import Arm
from synthaug.config.evaluation import EvaluationSettings
from synthaug.statistics.classification_performance import classification_performance
from synthaug.statistics.clinical_agreement import clinical_agreement
from synthaug.statistics.comparisons import measure_arms
from synthaug.statistics.failures import failure_rates
from synthaug.statistics.family import Member, adjust
from synthaug.statistics.regression_performance import regression_performance
from synthaug.statistics.seed_disagreement import seed_disagreement
from synthaug.tables import Row, make_table

#: Statistics of one task besides the comparisons; each has rows only where the task has its metrics.
_FURTHER = (
    clinical_agreement,
    failure_rates,
    seed_disagreement,
    classification_performance,
    regression_performance,
)


class ComparedTask(NamedTuple):
    """A task whose arms are compared.

    Attributes
    ----------
    name : str
        Name of the task in the study.
    family : tuple of str
        Metrics in the declared family; none of a task whose comparisons are exploratory.
    arms : sequence of Arm
        Arms that the task is trained on, controls included.
    primary_metric : str or None
        Metric of the verdict, which the family need not have.
    """

    name: str
    family: tuple[str, ...]
    arms: Sequence[Arm]
    primary_metric: str | None = None


def compare_tasks(
    scores: pd.DataFrame, tasks: Sequence[ComparedTask], settings: EvaluationSettings
) -> pd.DataFrame:
    """Compare the arms of every task.

    Parameters
    ----------
    scores : DataFrame
        Result rows per patient of all tasks, arms, folds and seeds; column `task` says which.
    tasks : sequence of ComparedTask
        The tasks of the study.
    settings : EvaluationSettings
        Confidence level, power, margins, number of replicates and random seed.

    Returns
    -------
    DataFrame
        Rows of `measure_arms` and of the further statistics of each task, column `task` filled. `p_adjusted`: Holm over
        the comparisons of all declared families together, because each of them can lead to a verdict.
    """
    family: list[Member] = []
    compared: list[tuple[list[Row], list[pd.DataFrame]]] = []
    for task in tasks:
        own = scores[scores["task"] == task.name]
        rows, members = measure_arms(own, task.arms, settings, task.family, task.name)
        compared.append((rows, further_statistics(own, task, settings)))
        family += members
    adjust(family, settings)
    return pd.concat([table for rows, further in compared for table in (make_table(rows), *further)])


def further_statistics(
    own: pd.DataFrame, task: ComparedTask, settings: EvaluationSettings
) -> list[pd.DataFrame]:
    """Statistics of one task besides the comparisons, from the scores of its arms."""
    return [measure(own, task.arms, settings).assign(task=task.name) for measure in _FURTHER]
