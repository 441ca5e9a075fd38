"""Generators of which quality control rejects most samples."""

from __future__ import annotations

from synthaug.report import wording
from synthaug.report.flag import MODERATE, Flag, FlagKind, NotMeasuredError
from synthaug.report.rows import pooled, select
from synthaug.report.section import ReportData
from synthaug.report.thresholds import THRESHOLDS
from synthaug.tables import VALUED_STATUSES

_LIMIT = THRESHOLDS["acceptance"].value


def check(data: ReportData) -> Flag | None:
    """The synthetic cohort with the lowest acceptance rate."""
    rows = pooled(select(data.rows, metric="acceptance_rate", status=VALUED_STATUSES))
    if not rows:
        raise NotMeasuredError("no acceptance rate among the result rows")
    worst = min(rows, key=lambda row: row["value"])
    if worst["value"] >= _LIMIT:
        return None
    n = "" if worst["n"] is None else f" (n = {wording.counted(int(worst['n']), 'sample')})"
    sentence = (
        f"{wording.number(100 * worst['value'], 0)} % of the samples of {worst['generator']} accepted{n}."
    )
    return Flag(MODERATE, sentence, _LIMIT / max(worst["value"], 0.01))


KIND = FlagKind(
    title="Low acceptance by quality control",
    remedy="Read the reasons of rejection. Accepted samples are a selection; their distances do not describe the "
    "generator.",
    section="quality_control",
    check=check,
)
