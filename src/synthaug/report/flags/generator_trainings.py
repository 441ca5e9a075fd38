"""Generators that were trained too few times to know how their trainings vary."""

from __future__ import annotations

from synthaug.report import wording
from synthaug.report.flag import MODERATE, Flag, FlagKind, NotInStudyError
from synthaug.report.section import ReportData
from synthaug.report.tested import generator_trainings
from synthaug.report.thresholds import THRESHOLDS

_LIMIT = THRESHOLDS["generator_trainings"].value


def check(data: ReportData) -> Flag | None:
    """The generators whose trainings are too few."""
    trainings = generator_trainings(data)
    if not trainings:
        raise NotInStudyError("the study has no cohort of a generator that was trained")
    few = {name: count for name, count in trainings.items() if count < _LIMIT}
    if not few:
        return None
    counts = ", ".join(f"{name} (n = {wording.counted(count, 'training')})" for name, count in few.items())
    return Flag(MODERATE, f"Few trainings of the generator: {counts}.", _LIMIT / min(few.values()))


KIND = FlagKind(
    title="Few generator trainings",
    remedy="Use three or more generator seeds (synthesis.generator_seeds) or folds. A folder of cines (kind external) is of one "
    "training in all of them. Until then the result is about these trainings, not about the generator.",
    section="design",
    check=check,
)
