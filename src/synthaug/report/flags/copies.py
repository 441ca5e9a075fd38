"""Synthetic subjects that the audit of memorisation flags as copies of training patients."""

from __future__ import annotations

from synthaug.report import wording
from synthaug.report.flag import MODERATE, SEVERE, Flag, FlagKind, NotMeasuredError
from synthaug.report.rows import pooled, select
from synthaug.report.section import ReportData
from synthaug.report.thresholds import THRESHOLDS
from synthaug.tables import VALUED_STATUSES, Row

_RUN = ("generator", "fold", "generator_seed")


def check(data: ReportData) -> Flag | None:
    """The synthetic cohort that exceeds its reference most; severe if its interval lies above the reference."""
    measured = pooled(select(data.rows, metric=("copied_share", "copied_share_real"), status=VALUED_STATUSES))
    shares = select(measured, metric="copied_share")
    if not shares:
        withheld = [row["note"] for row in select(data.rows, metric="copied_share") if row["note"]]
        raise NotMeasuredError(withheld[0] if withheld else "no synthetic cohort was audited for copies")
    references = {_run(row): row for row in select(measured, metric="copied_share_real")}
    found = [
        (row, references.get(_run(row))) for row in shares if row["value"] > _limit(references.get(_run(row)))
    ]
    if not found:
        return None
    row, real = max(found, key=lambda pair: pair[0]["value"] - _limit(pair[1]))
    beside = "no held-out real patients were compared"
    if real is not None:
        beside = f"{_share(real)} of held-out real patients by the same rule{_n(real)}"
    cohorts = f", in {len(found)} of {len(shares)} synthetic cohorts" if len(shares) > 1 else ""
    sentence = f"{_share(row)} of the synthetic subjects of {row['generator']} are flagged as copies{_n(row)}{cohorts}"
    low = row["value"] if row["ci_low"] is None else row["ci_low"]
    severity = SEVERE if low > _limit(real) else MODERATE
    return Flag(severity, f"{sentence}; {beside}.", 1 + row["value"] - _limit(real))


def _run(row: Row) -> tuple[object, ...]:
    return tuple(row[key] for key in _RUN)


def _limit(real: Row | None) -> float:
    return THRESHOLDS["copies"].value if real is None else float(real["value"])


def _share(row: Row) -> str:
    return f"{wording.number(100 * row['value'], 0)} %"


def _n(row: Row) -> str:
    return "" if row["n"] is None else f" (n = {int(row['n'])})"


KIND = FlagKind(
    title="Copies of training patients",
    remedy="Look at the most similar pairs. Exclude copies (synthesis.copies.action: drop), train the generator for fewer "
    "iterations or on more patients. Do not share the samples as anonymous.",
    section="memorisation",
    check=check,
)
