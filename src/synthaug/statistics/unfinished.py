"""Comparisons of a study in which trainings of some arms are missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from synthaug.config.arms import comparisons_of
from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import columns_of, split_name
from synthaug.statistics.comparisons import measure_arms
from synthaug.statistics.estimate_rows import arm_fields
from synthaug.statistics.family import Member, adjust
from synthaug.statistics.scores import PLACE
from synthaug.statistics.tasks import ComparedTask, further_statistics
from synthaug.tables import Row, make_table

#: Suffixes of rows about all arms of a task at once: with one missing they would be about others.
_OF_ALL = ("_rank", "_first", "_rank_tau", "_slope", "_trend")


def compare_finished(
    scores: pd.DataFrame,
    tasks: Sequence[ComparedTask],
    failed: Mapping[str, Mapping[str, str]],
    settings: EvaluationSettings,
) -> pd.DataFrame:
    """Compare the arms of which every training was scored; what is about another arm is withheld.

    Parameters
    ----------
    scores : DataFrame
        Result rows per patient, as far as there are any.
    tasks : sequence of ComparedTask
        The tasks of the study, with all their arms.
    failed : mapping of str to mapping of str to str
        Task -> arm -> what is missing of it.
    settings : EvaluationSettings
        As `synthaug.statistics.tasks.compare_tasks` takes them.

    Returns
    -------
    DataFrame
        Rows of `compare_tasks` over the finished arms, without rankings and dose curves of a task that lacks an arm.
        Each comparison with an unfinished arm, and its mean, is a row of status failed in the metrics of the declared
        family and the primary one. Holm's correction counts comparisons that are withheld with p = 1, as many as there would be.
    """
    family: list[Member] = []
    compared: list[tuple[list[Row], list[pd.DataFrame]]] = []
    missing = 0
    for task in tasks:
        gone = failed.get(task.name, {})
        arms = [arm for arm in task.arms if arm.name not in gone]
        own = scores[(scores["task"] == task.name) & scores["arm"].isin([arm.name for arm in arms])]
        rows, members = measure_arms(own, arms, settings, task.family, task.name)
        if gone:
            rows = [row for row in rows if not str(row["metric"]).endswith(_OF_ALL)]
        withheld = list(_withheld(task, gone))
        of_task = scores[scores["task"] == task.name]
        missing += sum(
            _places(of_task, split_name(row["metric"])[0], settings)
            for row in withheld
            if row.pop("counts", False)
        )
        family += members
        compared.append((rows + withheld, further_statistics(own, task._replace(arms=arms), settings)))
    adjust(family, settings, missing)
    return pd.concat([table for rows, further in compared for table in (make_table(rows), *further)])


def _places(scores: pd.DataFrame, metric: str, settings: EvaluationSettings) -> int:
    """Comparisons of one pair of arms in a metric that are in the family: one, or one a structure, phase and target.

    Counted in the scores of all arms: a task may have no finished comparison.
    """
    if settings.family_level == "pooled":
        return 1
    places = scores.loc[(scores["metric"] == metric) & scores["value"].notna(), list(PLACE)].drop_duplicates()
    return max(1, int(places.notna().any(axis=1).sum()))


def _withheld(task: ComparedTask, gone: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Rows of the comparisons and means of unfinished arms; `counts` says whether a verdict needs one."""
    primary = () if task.primary_metric is None else (task.primary_metric,)
    for metric in dict.fromkeys((*task.family, *primary)):
        for arm, other, counts in comparisons_of(task.arms):
            if lacking := [name for name in (arm.name, other.name) if name in gone]:
                note = "withheld: " + "; ".join(f"{name}: {gone[name]}" for name in lacking)
                row: Row = {**columns_of(metric, "_difference"), **arm_fields(arm), "versus": other.name}
                yield {
                    **row,
                    "task": task.name,
                    "status": "failed",
                    "note": note,
                    "counts": counts and metric in task.family,
                }
        for arm in task.arms:
            if arm.name in gone:
                row = {**columns_of(metric, "_mean"), **arm_fields(arm), "task": task.name}
                yield {**row, "status": "failed", "note": f"withheld: {gone[arm.name]}"}
