"""Quality control: synthetic samples accepted and rejected, and the subjects their generator was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort
from synthaug.report import wording
from synthaug.report.inputs import SyntheticRun
from synthaug.report.rows import estimate, pooled, select
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, PROSE, TEXT, Cell, list_rows, make_table, read_rows, with_aside
from synthaug.tables import Row

_COLUMNS = {
    "generator": TEXT,
    "fold": NUMBER,
    "generator seed": NUMBER,
    "subjects": NUMBER,
    "rejected": NUMBER,
    "acceptance rate (CI)": TEXT,
    "reasons of rejection": PROSE,
    "trained on": PROSE,
}


def quality_control(data: ReportData) -> dict[str, Any]:
    """Each synthetic cohort: acceptance rate, reasons of rejection, training subjects of its generator."""
    lines: list[list[Cell]] = []
    every: list[Row] = []
    for run in data.inputs.synthetic:
        # A folder from elsewhere, or real subjects, passed no quality control here.
        rejections = read_rows(run.rejections) if run.rejections and run.rejections.is_file() else None
        every += [{"generator": run.generator, **row} for row in rejections or []]
        lines.append(_line(run, data, None if rejections is None else len(rejections)))
    return {
        "reason": "" if lines else "the study has no synthetic cohort",
        "table": make_table("Quality control of the synthetic cohorts", _COLUMNS, lines),
        "rejections": list_rows(every, "Samples that quality control rejected"),
    }


def _line(run: SyntheticRun, data: ReportData, rejected: int | None) -> list[Cell]:
    about = {"generator": run.generator, "fold": run.fold, "generator_seed": run.generator_seed}
    own = select(pooled(data.rows), **about)
    cohort = Cohort.open(run.cohort)
    labelled_by = cohort.meta.get("labelled_by")
    reasons = [
        f"{row['note'] or wording.metric_name(row['metric'])} ({int(row['value'])})"
        for row in own
        if row["metric"].startswith("rejected_") and row["value"] is not None
    ]
    rate = estimate(next(iter(select(own, metric="acceptance_rate")), None))
    return [
        with_aside(run.generator, f"masks by {labelled_by}" if labelled_by else ""),
        run.fold,
        run.generator_seed,
        len(cohort.subjects),
        rejected,
        {**rate, "with_n": True},
        "; ".join(reasons) or None,
        _trained_on(cohort, data.inputs.splits.get(run.fold)),
    ]


def _trained_on(cohort: Cohort, split: Path | None) -> str:
    """Number of real subjects a generator was trained on: all, in the test set, outside the study."""
    if split is None or "seen" not in cohort.meta:
        return "training subjects unknown; overlap with the test set not checked"
    table = read_tsv(split, ("subject", "role"))
    tested = table["subject"][table["role"].str.startswith("test")]
    seen = set(cohort.meta["seen"])
    outside = seen - set(table["subject"])
    said = (
        f"{wording.counted(len(seen), 'real subject')}, {len(seen & set(tested)) or 'none'} of the test set"
    )
    return f"{said}, {len(outside)} outside this study" if outside else said


def _shows(row: Row) -> bool:
    metric = str(row["metric"])
    pooled_rate = metric == "acceptance_rate" and not row["vendor"] and not row["diagnosis"]
    return pooled_rate or metric.startswith("rejected_")


SECTION = Section(
    title="Quality control of synthetic samples",
    menu="Quality control",
    order=160,
    content=quality_control,
    shows=_shows,
)
