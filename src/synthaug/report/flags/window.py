"""Labelled hearts that the heart window cuts."""

from __future__ import annotations

from synthaug.labels import PLACEMENT_COLUMNS
from synthaug.report import wording
from synthaug.report.flag import MODERATE, Flag, FlagKind, NotMeasuredError
from synthaug.report.section import ReportData
from synthaug.report.thresholds import THRESHOLDS

_OFFSET, _MARGIN, _OUTSIDE = PLACEMENT_COLUMNS


def check(data: ReportData) -> Flag | None:
    """Whether labels of any subject lie outside the window."""
    table = data.real.table
    placed = table.dropna(subset=[_OUTSIDE]) if _OUTSIDE in table else table.iloc[:0]
    if placed.empty:
        raise NotMeasuredError("no subject has labels whose place in the heart window was measured")
    cut = placed[placed[_OUTSIDE].astype(float) > THRESHOLDS["window"].value]
    if cut.empty:
        return None
    offset, outside = placed[_OFFSET].astype(float), 100 * cut[_OUTSIDE].astype(float)
    sentence = (
        f"Labels of {len(cut)} of {wording.counted(len(placed), 'labelled subject')} are cut by the heart window. At "
        f"most {wording.number(float(outside.max()), 1)} % of a subject's labels are outside. Distance between the "
        f"centres of window and heart: median {wording.number(float(offset.median()), 1)} mm, 90th percentile "
        f"{wording.number(float(offset.quantile(0.9)), 1)} mm. Smallest margin "
        f"{wording.number(float(placed[_MARGIN].astype(float).min()), 1)} mm."
    )
    return Flag(MODERATE, sentence, 1 + len(cut) / len(placed))


KIND = FlagKind(
    title="Hearts cut by the window",
    remedy="Enlarge harmonisation.matrix. What lies outside of the window counts as missed in Dice, volumes and EF.",
    section="subjects",
    check=check,
)
