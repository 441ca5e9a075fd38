"""Study too small: detectable difference far above the equivalence margin."""

from __future__ import annotations

from synthaug.config.arms import SIZE_MATCHED
from synthaug.report import wording
from synthaug.report.flag import MODERATE, Flag, FlagKind, NotMeasuredError
from synthaug.report.rows import pooled, select
from synthaug.report.section import ReportData
from synthaug.report.thresholds import THRESHOLDS

_LIMIT = THRESHOLDS["power"].value


def check(data: ReportData) -> Flag | None:
    """Whether the largest detectable difference from a size-matched control, in the declared family, is above the limit."""
    metric = data.primary_metric
    compared = pooled(select(data.rows, metric=f"{metric}_difference"))
    # Equivalence is to size-matched controls; that of exposure counts for *helps* alone.
    matched = {arm.name for arm in data.arms if arm.control in SIZE_MATCHED}
    known = [
        row
        for row in compared
        if row["detectable"] is not None and row["p_adjusted"] is not None and row["versus"] in matched
    ]
    if not known:
        raise NotMeasuredError("no detectable difference of a declared comparison among the result rows")
    if not data.margin:
        raise NotMeasuredError(f"no equivalence margin of {wording.metric_name(metric)} was declared")
    worst = max(known, key=lambda row: row["detectable"])
    ratio = worst["detectable"] / data.margin
    if ratio <= _LIMIT:
        return None
    places, unit = wording.decimals(metric), wording.metric_unit(metric)
    size = wording.detectable_size(worst["detectable"], metric)
    margin = wording.with_unit(wording.number(data.margin, places), unit)
    n = "" if worst["n"] is None else f" (n = {wording.counted(int(worst['n']), 'patient')})"
    sentence = (
        f"Detectable difference in {wording.metric_name(metric)}: {size}, at least {wording.number(ratio, 1)} times the "
        f"margin of {margin}, for {worst['arm']} against {worst['versus']}{n}."
    )
    return Flag(MODERATE, sentence, ratio / _LIMIT)


KIND = FlagKind(
    title="Study too small for the margin",
    remedy="Use more test patients and more trainings; an undecided verdict names the number of patients. Do not read "
    "“undecided” as “no difference”.",
    section="verdict",
    check=check,
)
