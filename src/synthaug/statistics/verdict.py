"""From comparison rows to words: does a synthetic arm help?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from synthaug.tables import VALUED_STATUSES

HELPS, HURTS, EQUIVALENT, UNDECIDED, NOT_MEASURED = (
    "helps",
    "hurts",
    "equivalent",
    "undecided",
    "not measured",
)

#: The rule that `judge_arm` applies, as the report prints it; docs/statistics.md gives the reasons.
RULE = (
    "An arm helps when, against every one of its controls, the interval of its paired difference lies wholly "
    "on the better side of zero and its p-value, corrected by Holm over the family declared beforehand, is "
    "below the level; it hurts when the same holds on the worse side against every size-matched control. It "
    "is equivalent when it neither helps nor hurts and two one-sided tests put its difference from every "
    "size-matched control within the declared margin. The control of equal real exposure trains for less "
    "long: that an arm beats it excuses no harm, so only helping must hold against it. In all other cases, "
    "where the comparison with a control is missing, and where a training was not repeated, it is undecided. "
    "Where no comparison was measured at all, or the arm has no size-matched control, nothing is claimed: not "
    "measured. Words outside the declared family are exploratory."
)


@dataclass(frozen=True)
class Verdict:
    """A word about one arm and why it was chosen.

    Attributes
    ----------
    word, reason : str
        The word, and what it rests on.
    detectable : float or None
        Smallest true difference that every comparison could have found, in the unit of the metric.
    patients_needed : int or None
        Patients with which every comparison would find a difference as large as the margin; None where
        unknown or where no number of patients would do.
    declared : bool
        Whether it rests on the declared family; otherwise it is exploratory.
    """

    word: str
    reason: str
    detectable: float | None = None
    patients_needed: int | None = None
    declared: bool = False


def judge_interval(ci_low: float, ci_high: float, direction: str) -> str:
    """Side of zero on which the interval of one paired difference (arm minus control) lies.

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


def judge_row(row: Mapping[str, Any], alpha: float = 0.05) -> str:
    """Word for one measured difference row.

    Parameters
    ----------
    row : mapping
        Columns ci_low, ci_high, direction, p_value, p_adjusted and p_equivalence.
    alpha : float
        Level of the tests.

    Returns
    -------
    str
        The side of the interval where the p-value (corrected, if the row is of the family) is below
        `alpha`; otherwise ``"equivalent"`` or ``"undecided"``. Undecided without a p-value.
    """
    plain, adjusted, equivalence = (
        _number(row.get(f"p_{kind}")) for kind in ("value", "adjusted", "equivalence")
    )
    p_value = plain if adjusted is None else adjusted
    if p_value is None:
        return UNDECIDED
    side = judge_interval(_ends(row, "ci_low"), _ends(row, "ci_high"), row["direction"] or "none")
    if side != UNDECIDED and p_value < alpha:
        return side
    return EQUIVALENT if equivalence is not None and equivalence < alpha else UNDECIDED


def judge_arm(
    comparisons: pd.DataFrame,
    controls: Sequence[str],
    alpha: float = 0.05,
    extra_controls: Sequence[str] = (),
) -> Verdict:
    """Verdict on one arm, by `RULE`.

    Parameters
    ----------
    comparisons : DataFrame
        Difference rows of this arm and one metric (`synthaug.tables.COLUMNS`), of any status.
    controls : sequence of str
        Names of the arm's size-matched controls.
    alpha : float
        Level of the tests.
    extra_controls : sequence of str
        Names of further controls that count: an arm that helps must beat them too.

    Returns
    -------
    Verdict
        The word, its reason, and what the comparisons could have found.
    """
    if not controls:
        return Verdict(NOT_MEASURED, "the arm has no size-matched control")
    counting = [*controls, *extra_controls]
    against = comparisons[comparisons["versus"].isin(counting)]
    measured = against[against["status"].isin(VALUED_STATUSES)]
    if measured.empty:
        notes = [note for note in against["note"].dropna().unique() if note]
        return Verdict(NOT_MEASURED, notes[0] if notes else "no comparison with a control was measured")
    rows = [{str(column): value for column, value in row.items()} for row in measured.to_dict("records")]
    absent = [control for control in counting if control not in set(measured["versus"])]
    if absent:
        return Verdict(UNDECIDED, f"the comparison with {', '.join(absent)} is missing")
    failed = len(against) - len(measured)
    if failed:
        return Verdict(UNDECIDED, f"{failed} of {len(against)} comparisons could not be measured")
    untested = [row for row in rows if _number(row["p_value"]) is None]
    if untested:
        return Verdict(UNDECIDED, untested[0]["note"] or "the comparison has no p-value")
    detectable = [_number(row["detectable"]) for row in rows]
    needed = [_number(row["patients_needed"]) for row in rows]
    word, reason = _common_word(rows, controls, alpha)
    return Verdict(
        word,
        reason,
        None if None in detectable else max(size for size in detectable if size is not None),
        None if None in needed else int(max(count for count in needed if count is not None)),
        all(_number(row["p_adjusted"]) is not None for row in rows),
    )


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


def _common_word(rows: Sequence[Mapping[str, Any]], controls: Sequence[str], alpha: float) -> tuple[str, str]:
    words = [judge_row(row, alpha) for row in rows]
    matched = [row for row in rows if row["versus"] in controls]
    if set(words) == {HELPS}:
        return HELPS, "better than every control"
    if {judge_row(row, alpha) for row in matched} == {HURTS}:
        return HURTS, "worse than every size-matched control"
    equivalence = [_number(row["p_equivalence"]) for row in matched]
    if all(p is not None and p < alpha for p in equivalence):
        return EQUIVALENT, "within the margin of every size-matched control"
    if {HELPS, HURTS}.isdisjoint(words):
        return UNDECIDED, "no difference is certain, and none is certainly small"
    return UNDECIDED, "the comparisons do not agree: not every control is beaten, nor lost to"


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _ends(row: Mapping[str, Any], end: str) -> float:
    value = _number(row[end])
    return float("nan") if value is None else value
