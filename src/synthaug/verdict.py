"""From comparison rows to words: does a synthetic arm help?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from synthaug.tables import VALUED_STATUSES

HELPS, HURTS, UNDECIDED, NOT_MEASURED = "helps", "hurts", "undecided", "not measured"

#: The rule that `judge_arm` applies, as the report prints it.
RULE = (
    "An arm helps when the interval of its paired difference lies wholly on the better side of zero "
    "against every one of its size-matched controls, and hurts when it lies wholly on the worse side "
    "against every one. In all other cases, and where the comparison with a control is missing, it is "
    "undecided. Where no comparison was measured at all, or the arm has no size-matched control, "
    "nothing is claimed: not measured."
)


@dataclass(frozen=True)
class Verdict:
    """A word about one arm and why it was chosen."""

    word: str
    reason: str


def judge_interval(ci_low: float, ci_high: float, direction: str) -> str:
    """Word for one paired difference (arm minus control).

    Parameters
    ----------
    ci_low, ci_high : float
        Ends of the interval, in the unit of the metric; NaN where unknown.
    direction : str
        ``"higher"`` or ``"lower"``: which way the metric is better; with anything else
        no difference is good or bad.

    Returns
    -------
    str
        ``"helps"``, ``"hurts"`` or ``"undecided"``; an interval that touches zero is undecided.
    """
    if direction not in ("higher", "lower") or pd.isna(ci_low) or pd.isna(ci_high):
        return UNDECIDED
    if direction == "lower":
        ci_low, ci_high = -ci_high, -ci_low
    if ci_low > 0:
        return HELPS
    return HURTS if ci_high < 0 else UNDECIDED


def judge_arm(comparisons: pd.DataFrame, controls: Sequence[str]) -> Verdict:
    """Verdict on one arm, by `RULE`.

    Parameters
    ----------
    comparisons : DataFrame
        Difference rows of this arm and one metric (`synthaug.tables.COLUMNS`), of any status.
    controls : sequence of str
        Names of the arm's size-matched controls; each must be beaten.

    Returns
    -------
    Verdict
        The word, and the reason where it is not plain from the intervals.
    """
    if not controls:
        return Verdict(NOT_MEASURED, "the arm has no size-matched control")
    against = comparisons[comparisons["versus"].isin(list(controls))]
    measured = against[against["status"].isin(VALUED_STATUSES)]
    if measured.empty:
        notes = [note for note in against["note"].dropna().unique() if note]
        return Verdict(NOT_MEASURED, notes[0] if notes else "no comparison with a control was measured")
    absent = [control for control in controls if control not in set(measured["versus"])]
    if absent:
        return Verdict(UNDECIDED, f"the comparison with {', '.join(absent)} is missing")
    failed = len(against) - len(measured)
    if failed:
        return Verdict(UNDECIDED, f"{failed} of {len(against)} comparisons could not be measured")
    words = {
        judge_interval(row["ci_low"], row["ci_high"], row["direction"]) for row in measured.to_dict("records")
    }
    if len(words) == 1:
        word = words.pop()
        reason = {
            HELPS: "better than every size-matched control",
            HURTS: "worse than every size-matched control",
            UNDECIDED: "no interval excludes zero",
        }
        return Verdict(word, reason[word])
    return Verdict(UNDECIDED, "the intervals do not agree: some exclude zero, others do not or lie beyond it")


def judge_study(words: Sequence[str]) -> str:
    """One answer for the study from the words of its synthetic arms.

    Returns
    -------
    str
        The common word; ``"mixed"`` where measured arms differ. Arms that were not
        measured do not count, unless no arm was.
    """
    measured = {word for word in words if word != NOT_MEASURED}
    if not measured:
        return NOT_MEASURED
    return measured.pop() if len(measured) == 1 else "mixed"
