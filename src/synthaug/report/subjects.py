"""Sections of the report about subjects: who took part, who was left out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort
from synthaug.report import wording
from synthaug.report.inputs import SyntheticRun
from synthaug.report.rows import Row, estimate, pooled, records, select

ROLES = ("train", "validation", "test", "test_within", "unused")


def datasets_section(cohorts: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Each dataset: how many subjects of which vendors and diagnoses, and what was found."""
    described = []
    for name, folder in cohorts.items():
        table = Cohort.open(folder).table
        described.append(
            {
                "name": name,
                "subjects": len(table),
                "labelled": int(table["labelled_frames"].notna().sum()),
                "vendors": _counts(table["vendor"]),
                "diagnoses": _counts(table["diagnosis"]),
                "quarantine": _listed(folder / "quarantine.tsv"),
                "findings": _listed(folder / "findings.tsv"),
            }
        )
    return described


def splits_section(splits: Mapping[int, Path]) -> list[dict[str, Any]]:
    """Each fold: subjects of every vendor in every role, and how many train with their labels."""
    described = []
    for fold, path in splits.items():
        table = read_tsv(path, ("subject", "dataset", "vendor", "diagnosis", "role"))
        vendor = table["vendor"].fillna("unknown")
        counts = pd.crosstab(vendor, table["role"])
        roles = [role for role in ROLES if role in counts]
        rows = [
            {"vendor": str(name), "counts": [int(counts.loc[name, role]) for role in roles]}
            for name in counts.index
        ]
        training = table["role"] == "train"
        labelled = int((training & table["labelled"].astype(bool)).sum())
        told = {"training": int(training.sum()), "labelled": labelled}
        described.append({"fold": int(fold), "roles": roles, "rows": rows, **told})
    return described


def synthesis_section(
    rows: list[Row], runs: Sequence[SyntheticRun], splits: Mapping[int, Path]
) -> dict[str, Any]:
    """Each synthetic cohort: how many were accepted, why others were refused, whom its generator saw."""
    described = []
    rejections: list[Row] = []
    for run in runs:
        about = {"generator": run.generator, "fold": run.fold, "generator_seed": run.generator_seed}
        own = select(pooled(rows), **about)
        refused = _listed(run.rejections) if run.rejections else None
        rejections += [{"generator": run.generator, **row} for row in (refused or {"rows": []})["rows"]]
        reasons = [row for row in own if row["metric"].startswith("rejected_")]
        cohort = Cohort.open(run.cohort)
        described.append(
            {
                **about,
                "accepted": len(cohort.subjects),
                "labelled_by": cohort.meta.get("labelled_by"),
                "seen": _seen(cohort, splits.get(run.fold)),
                "rate": estimate(next(iter(select(own, metric="acceptance_rate")), None)),
                "refused": len(refused["rows"]) if refused else None,
                "reasons": [
                    {"text": row["note"] or wording.metric_name(row["metric"]), "count": int(row["value"])}
                    for row in reasons
                    if row["value"] is not None
                ],
            }
        )
    columns = list(dict.fromkeys(key for row in rejections for key in row))
    return {
        "reason": "" if described else "the study has no synthetic cohort",
        "cohorts": described,
        "rejections": {"columns": columns, "rows": rejections},
    }


def _seen(cohort: Cohort, split: Path | None) -> dict[str, int] | None:
    """Real subjects a generator was trained on: all, tested, none of the study's; None where unknown."""
    if split is None or "seen" not in cohort.meta:
        return None
    table = read_tsv(split, ("subject", "role"))
    tested = table["subject"][table["role"].str.startswith("test")]
    seen = set(cohort.meta["seen"])
    strangers = seen - set(table["subject"])
    return {"subjects": len(seen), "tested": len(seen & set(tested)), "strangers": len(strangers)}


def _counts(column: pd.Series[Any]) -> list[dict[str, Any]]:
    counts = column.fillna("unknown").value_counts(sort=False).sort_index()
    return [{"name": str(name), "count": int(count)} for name, count in counts.items()]


def _listed(path: Path) -> dict[str, Any]:
    """A table as it is, every field as text; empty where nothing was recorded."""
    if not path.is_file():
        return {"columns": [], "rows": []}
    table = read_tsv(path).astype("string").fillna("")
    return {"columns": list(table.columns), "rows": records(table)}
