"""Subjects that were excluded when the data were read."""

from __future__ import annotations

from synthaug.report import wording
from synthaug.report.flag import MINOR, Flag, FlagKind
from synthaug.report.section import ReportData
from synthaug.report.table import read_rows
from synthaug.report.thresholds import THRESHOLDS


def check(data: ReportData) -> Flag | None:
    """Whether any dataset has excluded subjects."""
    excluded = {
        name: len({row["subject"] for row in read_rows(folder / "quarantine.tsv")})
        for name, folder in data.inputs.cohorts.items()
    }
    total = sum(excluded.values())
    if total <= THRESHOLDS["quarantine"].value:
        return None
    names = ", ".join(f"{count} of {name}" for name, count in excluded.items() if count)
    every = total + len(data.real.subjects)
    return Flag(
        MINOR, f"{wording.counted(total, 'subject')} excluded ({names}; n = {every} read).", 1 + total / every
    )


KIND = FlagKind(
    title="Excluded subjects",
    remedy="Read the reasons. Check that exclusions do not depend on vendor or diagnosis.",
    section="subjects",
    check=check,
)
