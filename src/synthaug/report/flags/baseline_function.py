"""Baseline unusable: ejection fraction error of the real arm beyond the variability between readers."""

from __future__ import annotations

from synthaug.report import wording
from synthaug.report.baseline import ABSOLUTE
from synthaug.report.flag import SEVERE, Flag, FlagKind, NotInStudyError, NotMeasuredError
from synthaug.report.section import NO_SEGMENTATION, ReportData
from synthaug.report.thresholds import THRESHOLDS

_LIMIT = THRESHOLDS["baseline_function"].value


def check(data: ReportData) -> Flag | None:
    """Whether the bias or the mean absolute error of the EF is above the limit."""
    if not data.segmented.segments:
        raise NotInStudyError(NO_SEGMENTATION)
    baseline = data.segmented.baseline
    bias = baseline.mean("ef_error") if baseline else None
    error = baseline.mean(ABSOLUTE) if baseline else None
    if baseline is None or bias is None or error is None:
        raise NotMeasuredError("no EF error of the real arm among the result rows")
    worst = max(abs(bias.value), error.value)
    if worst <= _LIMIT:
        return None
    sentence = (
        f"EF bias of {wording.number(bias.value, 1, sign=True)} and mean absolute EF error of "
        f"{wording.number(error.value, 1)} percentage points in arm {baseline.arm} "
        f"(n = {wording.counted(bias.n, 'patient')})."
    )
    return Flag(SEVERE, sentence, worst / _LIMIT)


KIND = FlagKind(
    title="EF error of the baseline",
    remedy="Do not interpret differences between arms, nor what this network measures on synthetic cines. Train longer, or "
    "with more labelled patients, until the real arm is usable. Check the ED and ES frames of the labels.",
    section="baseline",
    check=check,
)
