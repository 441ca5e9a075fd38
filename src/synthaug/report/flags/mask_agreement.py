"""Masks of a generator that do not fit the segmentation of its images."""

from __future__ import annotations

from synthaug.report import wording
from synthaug.report.flag import MODERATE, Flag, FlagKind, NotInStudyError, NotMeasuredError
from synthaug.report.rows import pooled, select
from synthaug.report.section import NO_SEGMENTATION, ReportData
from synthaug.report.thresholds import THRESHOLDS
from synthaug.tables import VALUED_STATUSES

_LIMIT = THRESHOLDS["mask_agreement"].value


def check(data: ReportData) -> Flag | None:
    """The structure with the lowest agreement over all synthetic cohorts."""
    if not data.segmented.segments:
        raise NotInStudyError(NO_SEGMENTATION)
    rows = pooled(select(data.rows, metric="mask_agreement_dice", status=VALUED_STATUSES))
    if not rows:
        raise NotMeasuredError("no mask agreement among the result rows")
    worst = min(rows, key=lambda row: row["value"])
    if worst["value"] >= _LIMIT:
        return None
    n = "" if worst["n"] is None else f" (n = {int(worst['n'])} synthetic subjects)"
    unseen = f"; {worst['note']}" if worst["note"] else ""
    sentence = (
        f"Dice of {wording.number(worst['value'], 3)} between the masks of {worst['generator']} and the segmentation of "
        f"its images, {wording.place({**worst, 'fold': None})}{n}{unseen}."
    )
    return Flag(MODERATE, sentence, (1 - worst["value"]) / (1 - _LIMIT))


KIND = FlagKind(
    title="Synthetic masks do not fit their images",
    remedy="Compare with real validation patients, and by diagnosis. If real validation patients are low, too, the segmentation "
    "network is the cause. If only diagnoses without labelled training patients are low, the network may not know them. "
    "Otherwise train the generator longer.",
    section="mask_agreement",
    check=check,
)
