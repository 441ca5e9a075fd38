"""Segmentations of the real arm that fail: Dice too low to use, structures missed."""

from __future__ import annotations

from synthaug.report import wording
from synthaug.report.flag import MODERATE, Flag, FlagKind, NotInStudyError, NotMeasuredError
from synthaug.report.rows import pooled, select
from synthaug.report.section import NO_SEGMENTATION, ReportData
from synthaug.report.thresholds import THRESHOLDS
from synthaug.tables import VALUED_STATUSES

_LIMIT = THRESHOLDS["failed_segmentations"].value


def check(data: ReportData) -> Flag | None:
    """The structure of which the real arm's segmentations fail most often."""
    if not data.segmented.segments:
        raise NotInStudyError(NO_SEGMENTATION)
    view = data.segmented
    arm = view.baseline.arm if view.baseline else None
    of_arm = {"arm": arm, "status": VALUED_STATUSES}
    poor = pooled(select(view.rows, metric="dice_poor", **of_arm)) if arm else []
    if not poor:
        raise NotMeasuredError("no failure rate of the real arm among the result rows")
    worst = max(poor, key=lambda row: row["value"])
    if worst["value"] <= _LIMIT:
        return None
    structure = worst["structure"]
    missed = next(iter(pooled(select(view.rows, metric="dice_missed", structure=structure, **of_arm))), None)
    also = f", structure missed in {_percent(missed['value'])}" if missed else ""
    sentence = (
        f"Dice below 0.7 in {_percent(worst['value'])} of the segmentations of {structure} in arm {arm}{also} "
        f"(n = {wording.counted(int(worst['n']), 'patient')})."
    )
    return Flag(MODERATE, sentence, worst["value"] / _LIMIT)


def _percent(fraction: float) -> str:
    return f"{wording.number(100 * fraction, 0)} %"


KIND = FlagKind(
    title="Failed segmentations of the baseline",
    remedy="Look at the worst test patients: check their images and reference masks, and how long the network was trained.",
    section="worst_patients",
    check=check,
)
