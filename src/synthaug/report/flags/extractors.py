"""Feature extractors that were absent, so that their distances were not measured."""

from __future__ import annotations

from synthaug.report import wording
from synthaug.report.flag import MINOR, Flag, FlagKind
from synthaug.report.rows import select
from synthaug.report.section import ReportData
from synthaug.report.thresholds import THRESHOLDS


def check(data: ReportData) -> Flag | None:
    """Whether a row lacks its value for want of an extractor."""
    rows = select(data.rows, status="extractor_absent")
    if len(rows) <= THRESHOLDS["extractors"].value:
        return None
    metrics = list(dict.fromkeys(wording.base_name(row["metric"]) for row in rows))
    shown = ", ".join(metrics[:4]) + (f" and {len(metrics) - 4} more" if len(metrics) > 4 else "")
    sentence = f"{shown} not measured: feature extractor absent (n = {wording.counted(len(rows), 'row')})."
    return Flag(MINOR, sentence, 1 + len(rows) / len(data.table))


KIND = FlagKind(
    title="Absent feature extractors",
    remedy="Give the weights of the extractor (evaluation.extractors). Values of other extractors are not comparable with "
    "published ones.",
    section="missing",
    check=check,
)
