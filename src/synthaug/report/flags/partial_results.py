"""Results of a study that is not complete."""

from __future__ import annotations

from synthaug.report import wording
from synthaug.report.flag import SEVERE, Flag, FlagKind
from synthaug.report.section import ReportData
from synthaug.report.thresholds import THRESHOLDS
from synthaug.tables.partial import read_absent


def check(data: ReportData) -> Flag | None:
    """Whether the tables lack results that the study declares."""
    absent = read_absent(data.inputs.tables)
    if len(absent) <= THRESHOLDS["partial_results"].value:
        return None
    trainings = int(absent["file"].str.startswith("rows/scores/").sum())
    return Flag(
        SEVERE,
        f"Partial results: {wording.counted(len(absent), 'result file')} absent, {trainings} of them scores of a "
        "training of an arm. Verdicts on arms with missing trainings are withheld.",
        float("inf"),
    )


KIND = FlagKind(
    title="Partial results",
    remedy="Mend what failed (absent.tsv names each file and its log) and run snakemake again: it publishes complete tables.",
    section="missing",
    check=check,
)
