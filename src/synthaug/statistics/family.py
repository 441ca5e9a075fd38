"""The declared family of comparisons: Holm's correction, and the size of a study that would decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from synthaug.config.evaluation import EvaluationSettings
from synthaug.metric_registry import largest_difference
from synthaug.statistics.paired_tests import holm
from synthaug.statistics.power import detectable_difference, patients_needed
from synthaug.statistics.precision import Precision
from synthaug.tables import Row


class Member(NamedTuple):
    """A comparison in the family: its task, its row, which is completed in place, and its precision."""

    task: str | None
    row: Row
    precision: Precision


def adjust(family: Sequence[Member], settings: EvaluationSettings, missing: int = 0) -> None:
    """Holm's correction over the family; `detectable` and `patients_needed` of its members refer to the verdict.

    The verdict needs all comparisons of an arm at Holm's strictest level. Each is therefore planned at level
    alpha / m with the k-th root of the power, of k comparisons of the arm in the metric, in its task. `missing` comparisons of the
    family were not made: they count with p = 1.
    """
    if not family:
        return
    # A comparison without a p-value stays in the family with p = 1.
    adjusted = holm([member.row.get("p_value", 1.0) for member in family] + [1.0] * missing)
    for member, p_adjusted in zip(family, adjusted, strict=False):
        if member.precision.known:
            member.row["p_adjusted"] = float(p_adjusted)
            shared = sum(_verdict(other) == _verdict(member) for other in family)
            power = settings.power ** (1 / shared)
            plan_size(member.row, member.precision, settings.alpha / len(adjusted), power, settings)


def _verdict(member: Member) -> tuple[str | None, str, str]:
    """What the verdict that needs this comparison is about; each metric has its own."""
    return member.task, member.row["arm"], member.row["metric"]


def plan_size(
    row: Row, precision: Precision, alpha: float, power: float, settings: EvaluationSettings
) -> None:
    """Detectable difference, and the number of patients that would detect a difference as large as the margin.

    The former is at most the largest difference that the metric can have: from there on none can be detected.
    """
    row["detectable"] = min(detectable_difference(precision, alpha, power), largest_difference(row["metric"]))
    margin = settings.equivalence_margin.get(row["metric"].removesuffix("_difference"))
    row["patients_needed"] = None
    if margin is not None:
        row["patients_needed"] = patients_needed(precision, margin, alpha, power)
