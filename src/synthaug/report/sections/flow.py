"""Flow of subjects: found, excluded, harmonised, labelled, and their roles in every fold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.finding_kinds import KINDS
from synthaug.report.section import ReportData, Section
from synthaug.report.sections.subjects import ROLES
from synthaug.report.table import read_rows


def flow(data: ReportData) -> dict[str, Any]:
    """Counts of subjects from the raw files to the roles of the split."""
    cohorts = data.inputs.cohorts
    excluded = {name: _excluded(folder) for name, folder in cohorts.items()}
    tables = {name: Cohort.open(folder).table for name, folder in cohorts.items()}
    table = pd.concat(tables.values())
    labelled = table["labelled_frames"].notna()
    codes: dict[str, dict[str, Any]] = {}
    for found in excluded.values():
        for row in found.values():
            code = row["code"]
            meaning = KINDS[code].meaning if code in KINDS else row["problem"]
            entry = codes.setdefault(code, {"code": code, "meaning": meaning, "count": 0})
            entry["count"] += 1
    return {
        "found": {
            "count": len(table) + sum(map(len, excluded.values())),
            "datasets": [
                {"name": name, "count": len(own) + len(excluded[name])} for name, own in tables.items()
            ],
        },
        "excluded": sorted(codes.values(), key=lambda entry: -entry["count"]),
        "harmonised": {
            "count": len(table),
            "patients": _patients(table),
            "with_findings": sum(
                len({row["subject"] for row in read_rows(folder / "findings.tsv")})
                for folder in cohorts.values()
            ),
        },
        "labelled": int(labelled.sum()),
        "unlabelled": int((~labelled).sum()),
        "folds": [_fold(fold, path) for fold, path in data.inputs.splits.items()],
    }


def _excluded(folder: Path) -> dict[str, dict[str, Any]]:
    """The first reason of each subject that was excluded."""
    rows = read_rows(folder / "quarantine.tsv")
    return {row["subject"]: row for row in reversed(rows)}


def _patients(table: pd.DataFrame) -> int:
    """Patients of a table; visits without one are patients of their own."""
    if "patient" not in table:
        return len(table)
    return int(table["patient"].fillna(table["subject"]).nunique())


def _fold(fold: int, path: Path) -> dict[str, Any]:
    """Subjects of each role of one fold."""
    table = read_tsv(path, ("subject", "patient", "dataset", "vendor", "diagnosis", "role"))
    roles = []
    for role, title in ROLES.items():
        own = table[table["role"] == role]
        if len(own):
            labelled = int(own["labelled"].astype(bool).sum())
            patients = int(own["patient"].nunique())
            roles.append(
                {
                    "role": role,
                    "title": title,
                    "count": len(own),
                    "labelled": labelled,
                    "patients": patients,
                }
            )
    return {"fold": int(fold), "roles": roles}


SECTION = Section(title="Flow of subjects", menu="Flow", order=18, content=flow)
