"""Subjects: patients of each dataset and fold, exclusions and data issues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, listed, make_table

ROLES = {
    "train": "train",
    "validation": "validation",
    "test": "test",
    "test_within": "internal test",
    "unused": "unused",
}


def subjects(data: ReportData) -> dict[str, Any]:
    """Counts by dataset and fold, exclusions and findings."""
    return {
        "datasets": [_dataset(name, folder) for name, folder in data.inputs.cohorts.items()],
        "splits": [_split(fold, path) for fold, path in data.inputs.splits.items()],
    }


def _dataset(name: str, folder: Path) -> dict[str, Any]:
    """Number of subjects by vendor and diagnosis, exclusions and data issues."""
    table = Cohort.open(folder).table
    return {
        "name": name,
        "subjects": len(table),
        "labelled": int(table["labelled_frames"].notna().sum()),
        "vendors": _counts(table["vendor"]),
        "diagnoses": _counts(table["diagnosis"]),
        "excluded": listed(folder / "quarantine.tsv", f"Subjects of {name} that were excluded, and why"),
        "findings": listed(folder / "findings.tsv", f"What harmonisation found in {name}"),
    }


def _split(fold: int, path: Path) -> dict[str, Any]:
    """Number of subjects by vendor and role, and of labelled training subjects."""
    table = read_tsv(path, ("subject", "dataset", "vendor", "diagnosis", "role"))
    counts = pd.crosstab(table["vendor"].fillna("unknown"), table["role"])
    roles = {role: title for role, title in ROLES.items() if role in counts}
    columns = {"vendor": TEXT} | dict.fromkeys(roles.values(), NUMBER)
    rows = [[str(name), *(int(counts.loc[name, role]) for role in roles)] for name in counts.index]
    training = table["role"] == "train"
    return {
        "fold": int(fold),
        "table": make_table(f"Fold {fold}: subjects by vendor and role", columns, rows),
        "training": int(training.sum()),
        "labelled": int((training & table["labelled"].astype(bool)).sum()),
    }


def _counts(column: pd.Series[Any]) -> list[dict[str, Any]]:
    counts = column.fillna("unknown").value_counts(sort=False).sort_index()
    return [{"name": str(name), "count": int(count)} for name, count in counts.items()]


SECTION = Section(title="Subjects", menu="Subjects", order=20, content=subjects)
