"""Generators that were trained once."""

from __future__ import annotations

from synthaug.report.flag import MODERATE, Flag, FlagKind, NotMeasuredError
from synthaug.report.section import ReportData
from synthaug.report.thresholds import THRESHOLDS


def check(data: ReportData) -> Flag | None:
    """Whether a generator has a single seed and a single fold."""
    trainings: dict[str, set[tuple[int, int]]] = {}
    for run in data.inputs.synthetic:
        trainings.setdefault(run.generator, set()).add((run.fold, run.generator_seed))
    if not trainings:
        raise NotMeasuredError("the study has no synthetic cohort")
    once = [name for name, runs in trainings.items() if len(runs) <= THRESHOLDS["generator_trainings"].value]
    if not once:
        return None
    return Flag(MODERATE, f"One generator seed and one fold of {', '.join(once)} (n = 1 generator training).")


KIND = FlagKind(
    title="Single generator training",
    remedy="Use two or more generator seeds (synthesis.generator_seeds) or folds. Until then the result is about this "
    "training, not about the generator.",
    section="design",
    check=check,
)
