"""Generators whose cines do not show what was requested."""

from __future__ import annotations

from synthaug.measures.recovery import BALANCED, EF_CATEGORY, FOREST, NETWORK, REAL
from synthaug.report import wording
from synthaug.report.flag import MODERATE, Flag, FlagKind, NotMeasuredError
from synthaug.report.rows import pooled, select
from synthaug.report.section import ReportData
from synthaug.report.thresholds import THRESHOLDS
from synthaug.tables import VALUED_STATUSES, Row

_LIMIT = THRESHOLDS["recovery"].value
_NAMES = {
    NETWORK: "diagnosis by the network",
    FOREST: "diagnosis by the random forest",
    EF_CATEGORY: "EF category by the segmenter",
}
_RUN = ("generator", "fold", "generator_seed")


def check(data: ReportData) -> Flag | None:
    """The generator that falls farthest below real test patients, of all folds, seeds and kinds of recovery."""
    rows = select(pooled(data.rows), target=None, status=VALUED_STATUSES)
    pairs = [pair for metric in _NAMES for pair in _pairs(metric, rows)]
    if not pairs:
        raise NotMeasuredError("no recovery beside that of real test patients among the result rows")
    metric, row, real = max(pairs, key=lambda pair: pair[2]["value"] - pair[1]["value"])
    short = real["value"] - row["value"]
    if short <= _LIMIT:
        return None
    sentence = (
        f"Requested {_NAMES[metric]}: balanced accuracy of {wording.number(row['value'], 2)} in the cines of "
        f"{row['generator']} (n = {int(row['n'])}), {wording.number(real['value'], 2)} in real test patients "
        f"(n = {int(real['n'])})."
    )
    return Flag(MODERATE, sentence, short / _LIMIT)


def _pairs(metric: str, rows: list[Row]) -> list[tuple[str, Row, Row]]:
    """Each synthetic cohort's balanced accuracy and that of the same model on real test patients."""
    real = {tuple(row[key] for key in _RUN): row for row in select(rows, metric=metric + BALANCED + REAL)}
    own = select(rows, metric=metric + BALANCED)
    keyed = ((row, real.get(tuple(row[key] for key in _RUN))) for row in own)
    return [(metric, row, reference) for row, reference in keyed if reference is not None]


KIND = FlagKind(
    title="Requested diagnosis or EF not shown",
    remedy="See the confusion: which class is lost. Train the generator longer, raise its guidance, or do not train tasks on "
    "the labels that were requested (synthetic: unlabelled).",
    section="recovery",
    check=check,
)
