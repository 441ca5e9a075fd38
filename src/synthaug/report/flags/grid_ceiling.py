"""Voxel grid of the study so coarse that a perfect prediction loses Dice."""

from __future__ import annotations

from synthaug.report import wording
from synthaug.report.flag import MODERATE, Flag, FlagKind, NotInStudyError, NotMeasuredError
from synthaug.report.section import NO_SEGMENTATION, ReportData
from synthaug.report.thresholds import THRESHOLDS

_LIMIT = THRESHOLDS["grid_ceiling"].value


def check(data: ReportData) -> Flag | None:
    """Whether the mean ceiling is below the limit."""
    if not data.segmented.segments:
        raise NotInStudyError(NO_SEGMENTATION)
    baseline = data.segmented.baseline
    found = baseline.mean("dice_ceiling") if baseline else None
    if found is None:
        raise NotMeasuredError("no Dice of a perfect prediction on the study's grid among the result rows")
    if found.value >= _LIMIT:
        return None
    sentence = (
        f"A perfect prediction on the study's grid reaches a mean Dice of {wording.number(found.value, 3)} on the "
        f"patients' own grids (n = {wording.counted(found.n, 'patient')})."
    )
    return Flag(MODERATE, sentence, (1 - found.value) / (1 - _LIMIT))


KIND = FlagKind(
    title="Dice limited by the study's grid",
    remedy="Use a smaller in-plane spacing or a larger matrix (harmonisation.spacing_mm, harmonisation.matrix). Compare Dice "
    "with the ceiling, not with 1.",
    section="baseline",
    check=check,
)
