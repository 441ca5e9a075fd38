"""Test patients of vendors that were seen and of vendors that were not seen in training, in one mean."""

from __future__ import annotations

from synthaug.report import wording
from synthaug.report.domains import count_test_patients
from synthaug.report.flag import MODERATE, Flag, FlagKind, NotMeasuredError
from synthaug.report.section import ReportData


def check(data: ReportData) -> Flag | None:
    """Whether both kinds of patients are tested."""
    counts = count_test_patients(data.inputs.splits)
    if counts is None:
        raise NotMeasuredError("no split has test patients of known vendor")
    if not (counts.seen and counts.unseen):
        return None
    sentence = (
        f"{counts.seen} of {wording.counted(counts.total, 'test patient')} are from vendors of the training patients, "
        f"{counts.unseen} from other vendors; the means pool both."
    )
    return Flag(MODERATE, sentence, 1 + min(counts.seen, counts.unseen) / counts.total)


KIND = FlagKind(
    title="Mixed test domains",
    remedy="Read the values by vendor. State the result on unseen vendors and on seen vendors apart.",
    section="baseline",
    check=check,
)
