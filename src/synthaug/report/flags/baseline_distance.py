"""Baseline poor at the border: HD95 of the real arm."""

from __future__ import annotations

from synthaug.report import wording
from synthaug.report.flag import MODERATE, SEVERE, Flag, FlagKind, NotInStudyError, NotMeasuredError
from synthaug.report.section import NO_SEGMENTATION, ReportData
from synthaug.report.thresholds import THRESHOLDS

_LIMIT = THRESHOLDS["baseline_distance"].value


def check(data: ReportData) -> Flag | None:
    """Whether the mean HD95 is above the limit; severe above twice the limit."""
    if not data.segmented.segments:
        raise NotInStudyError(NO_SEGMENTATION)
    baseline = data.segmented.baseline
    found = baseline.mean("hd95") if baseline else None
    if baseline is None or found is None:
        raise NotMeasuredError("no HD95 of the real arm among the result rows")
    if found.value <= _LIMIT:
        return None
    sentence = (
        f"Mean HD95 of {wording.number(found.value, 1)} mm in arm {baseline.arm} "
        f"(n = {wording.counted(found.n, 'patient')})."
    )
    return Flag(SEVERE if found.value > 2 * _LIMIT else MODERATE, sentence, found.value / _LIMIT)


KIND = FlagKind(
    title="HD95 of the baseline",
    remedy="Look at the worst test patients. Far islands and missed slices raise HD95 before they lower Dice.",
    section="baseline",
    check=check,
)
