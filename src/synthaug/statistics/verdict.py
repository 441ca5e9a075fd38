"""Verdict on each synthetic arm, from its comparison rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from synthaug.statistics.precision import FEWEST_GENERATOR_TRAININGS
from synthaug.tables import VALUED_STATUSES

HELPS, HURTS, EQUIVALENT, UNDECIDED, NOT_MEASURED, WITHHELD = (
    "helps",
    "hurts",
    "equivalent",
    "undecided",
    "not measured",
    "withheld",
)

#: Decision rule of `judge_arm`, printed in the report; docs/statistics.md gives the reasons.
RULE = (
    "Helps: against every control, the interval of the paired difference lies on the better side of zero and "
    "the Holm-adjusted p-value is below the level. Hurts: the same on the worse side, against every "
    "size-matched control. Equivalent: neither, and two one-sided tests place the difference from every "
    "size-matched control within the declared margin. Undecided: all other cases; also if the comparison with "
    "a control is missing or a training was not repeated. Not measured: no comparison was measured, or the "
    "arm has no size-matched control. Withheld: trainings of the arm or of a control are missing. Holm's correction covers the family that was declared before the study; "
    "verdicts outside it are exploratory. The exposure-matched control trains for fewer iterations than the "
    "arm; it therefore counts for helps only. With fewer than three trainings of the generator (folds times "
    "generator seeds) the variation between them is unknown, and the verdict holds with these only."
)


@dataclass(frozen=True)
class Verdict:
    """Verdict on one arm and its reason.

    Attributes
    ----------
    word, reason : str
        The verdict in one word, and its reason.
    detectable : float or None
        Smallest true difference that every comparison detects at the declared power, in the unit of the
        metric.
    patients_needed : int or None
        Number of patients with which every comparison detects a difference as large as the margin; None
        if unknown or if no number of patients suffices.
    declared : bool
        Whether all comparisons are in the declared family; otherwise the verdict is exploratory.
    scope : str
        What the word is restricted to, such as ``"with this one training of the generator"``; empty if
        nothing, or if the verdict is undecided.
    least_precise : str
        Control of the comparison whose detectable difference that is, where comparisons differ in it.
    """

    word: str
    reason: str
    detectable: float | None = None
    patients_needed: int | None = None
    declared: bool = False
    scope: str = ""
    least_precise: str = ""


def judge_interval(ci_low: float, ci_high: float, direction: str) -> str:
    """Side of zero on which the interval of one paired difference (arm minus control) lies.

    Parameters
    ----------
    ci_low, ci_high : float
        Ends of the interval, in the unit of the metric; NaN if unknown.
    direction : str
        ``"higher"`` or ``"lower"``: which way the metric is better. Any other value: undecided.

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
    """Verdict on one measured difference row.

    Parameters
    ----------
    row : mapping
        Columns ci_low, ci_high, direction, p_value, p_adjusted and p_equivalence.
    alpha : float
        Level of the tests.

    Returns
    -------
    str
        ``"helps"`` or ``"hurts"`` if the interval excludes zero and the p-value (Holm-adjusted within the
        family) is below `alpha`; otherwise ``"equivalent"`` or ``"undecided"``. Undecided without a
        p-value.
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
        Names of further controls that count for helps only.

    Returns
    -------
    Verdict
        The verdict, its reason, the detectable difference and the number of patients needed.
    """
    if not controls:
        return Verdict(NOT_MEASURED, "the arm has no size-matched control")
    counting = [*controls, *extra_controls]
    against = comparisons[comparisons["versus"].isin(counting)]
    if against["status"].eq("failed").any():
        return Verdict(WITHHELD, str(against.loc[against["status"].eq("failed"), "note"].iloc[0]))
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
    word, reason = common_word(rows, controls, alpha)
    scope = "" if word == UNDECIDED else _scope(rows)
    return Verdict(
        word,
        f"{reason}, {scope}" if scope else reason,
        None if None in detectable else max(size for size in detectable if size is not None),
        None if None in needed else int(max(count for count in needed if count is not None)),
        all(_number(row["p_adjusted"]) is not None for row in rows),
        scope,
        _least_precise(rows) if None not in detectable and len(set(detectable)) > 1 else "",
    )


def _least_precise(rows: Sequence[Mapping[str, Any]]) -> str:
    return str(max(rows, key=lambda row: float(row["detectable"]))["versus"])


def judge_study(words: Sequence[str]) -> str:
    """Verdict on the study, from the verdicts on its synthetic arms.

    Returns
    -------
    str
        The common verdict; ``"mixed"`` if the measured arms differ; ``"not measured"`` if no arm was
        measured; ``"withheld"`` if that of any arm is.
    """
    if WITHHELD in words:
        return WITHHELD
    measured = {word for word in words if word != NOT_MEASURED}
    if not measured:
        return NOT_MEASURED
    return measured.pop() if len(measured) == 1 else "mixed"


def common_word(rows: Sequence[Mapping[str, Any]], controls: Sequence[str], alpha: float) -> tuple[str, str]:
    """Word and reason from the tested comparisons of one arm with all of its controls, by `RULE`.

    Parameters
    ----------
    rows : sequence of mappings
        Columns as `judge_row` takes them, and `versus`.
    controls : sequence of str
        Names of the size-matched controls.
    alpha : float
        Level of the tests.
    """
    words = [judge_row(row, alpha) for row in rows]
    matched = [row for row in rows if row["versus"] in controls]
    if set(words) == {HELPS}:
        return HELPS, "better than every control"
    if {judge_row(row, alpha) for row in matched} == {HURTS}:
        return HURTS, "worse than every size-matched control"
    equivalence = [_number(row["p_equivalence"]) for row in matched]
    if all(p is not None and p < alpha for p in equivalence):
        return EQUIVALENT, "within the margin of every size-matched control"
    if set(words) == {UNDECIDED}:
        return UNDECIDED, "no difference is significant, and equivalence is not shown"
    return UNDECIDED, _word_by_word(rows, words)


#: How a reason says the words of single comparisons, in this order.
_COMPARED = {
    HELPS: "better than",
    HURTS: "worse than",
    EQUIVALENT: "equivalent to",
    UNDECIDED: "undecided against",
}


def _word_by_word(rows: Sequence[Mapping[str, Any]], words: Sequence[str]) -> str:
    """Which word holds against which controls, where they are not the same."""
    against: dict[str, list[str]] = {word: [] for word in _COMPARED}
    for row, word in zip(rows, words, strict=True):
        against[word].append(str(row["versus"]))
    return ", ".join(
        f"{said} {' and '.join(against[word])}" for word, said in _COMPARED.items() if against[word]
    )


def _scope(rows: Sequence[Mapping[str, Any]]) -> str:
    counts = [_number(row.get("generator_trainings")) for row in rows]
    fewest = min((int(count) for count in counts if count is not None), default=FEWEST_GENERATOR_TRAININGS)
    if fewest >= FEWEST_GENERATOR_TRAININGS:
        return ""
    return f"with {'this one training' if fewest == 1 else f'these {fewest} trainings'} of the generator"


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _ends(row: Mapping[str, Any], end: str) -> float:
    value = _number(row[end])
    return float("nan") if value is None else value
