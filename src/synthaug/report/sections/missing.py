"""Missing and failed results: rows without a measured value, and rows that no other section shows."""

from __future__ import annotations

from typing import Any

import pandas as pd

from synthaug.report import wording
from synthaug.report.rows import estimate
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, PROSE, TEXT, Cell, make_table, with_aside
from synthaug.tables import VALUED_STATUSES, Row
from synthaug.tables.compact import with_texts

_ABOUT = (
    *("arm", "generator", "versus", "extractor", "fold", "training_seed", "generator_seed"),
    *("structure", "phase", "vendor", "diagnosis"),
)
#: Subjects named of one problem; ``rows.csv`` has all of them.
_SUBJECTS = 20


def missing(data: ReportData) -> dict[str, Any]:
    """Number of rows by status, reasons for missing values, rows that no section shows."""
    views = [data, *(view for name, view in data.tasks.items() if name != data.task)]
    tables = data.tables
    others = [
        row
        for view in views
        for row in view.rows
        if not data.is_shown(row) and (view is data or row["task"] == view.task)
    ]
    counts = pd.concat([table["status"].astype(object) for table in tables]).value_counts()
    return {
        "rows": sum(map(len, tables)),
        "counts": [
            {"text": wording.STATUSES.get(str(status), "measured"), "count": int(count)}
            for status, count in counts.items()
        ],
        "failures": _failures(pd.concat([with_texts(table[table["status"] != "ok"]) for table in tables])),
        "others": {"count": len(others), "table": _others(others)} if others else None,
    }


def _failures(rows: pd.DataFrame) -> dict[str, Any] | None:
    """Rows without a measured value by metric, status and reason; None where there is none."""
    if rows.empty:
        return None
    about = rows["arm"].fillna(rows["generator"]).fillna("")
    groups = rows.assign(about=about, note=rows["note"].fillna("")).groupby(
        ["metric", "status", "about", "note"], sort=False
    )
    columns = {"metric": TEXT, "training set or generator": TEXT, "problem": PROSE, "rows": NUMBER}
    with_subjects = bool(rows["subject"].notna().any())
    if with_subjects:
        columns["subjects"] = TEXT
    lines: list[list[Cell]] = []
    for key, members in groups:
        metric, status, name, note = map(str, key)
        said = wording.STATUSES.get(status, status)
        aside = "scored as worst" if status in VALUED_STATUSES else ""
        problem = with_aside(f"{said}: {note}" if note else said, aside)
        line: list[Cell] = [wording.row_name(metric), name or None, problem, len(members)]
        subjects = _some(sorted(members["subject"].dropna().unique()))
        lines.append([*line, subjects or None] if with_subjects else line)
    return make_table("Rows without a measured value", columns, lines)


def _some(subjects: list[str]) -> str:
    """The first subjects by name, the others counted."""
    others = len(subjects) - _SUBJECTS
    shown = ", ".join(subjects[:_SUBJECTS])
    return f"{shown} and {others} more" if others > 0 else shown


def _others(rows: list[Row]) -> dict[str, Any]:
    columns = {"metric": TEXT, "about": PROSE, "value (CI)": TEXT, "n": NUMBER}
    lines = []
    for row in rows:
        about = (f"{column.replace('_', ' ')} {row[column]}" for column in _ABOUT if row[column] is not None)
        unit = row["unit"] if row["unit"] not in (None, "1") else ""
        lines.append(
            [wording.row_name(row["metric"]), ", ".join(about), {**estimate(row), "unit": unit}, row["n"]]
        )
    return make_table("Rows that no other section shows", columns, lines)


SECTION = Section(title="Missing and failed results", menu="Missing", order=170, content=missing)
