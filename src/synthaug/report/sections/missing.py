"""Missing and failed results: rows without a measured value, and rows that no other section shows."""

from __future__ import annotations

from collections import Counter
from typing import Any

from synthaug.report import wording
from synthaug.report.rows import estimate
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, PROSE, TEXT, Cell, make_table, with_aside
from synthaug.tables import VALUED_STATUSES, Row

_ABOUT = (
    *("arm", "generator", "versus", "extractor", "fold", "training_seed", "generator_seed"),
    *("structure", "phase", "vendor", "diagnosis"),
)


def missing(data: ReportData) -> dict[str, Any]:
    """Number of rows by status, reasons for missing values, rows that no section shows."""
    others = [row for row in data.rows if row["subject"] is None and not data.is_shown(row)]
    return {
        "rows": len(data.rows),
        "counts": [
            {"text": wording.STATUSES.get(status, "measured"), "count": count}
            for status, count in Counter(row["status"] for row in data.rows).most_common()
        ],
        "failures": _failures([row for row in data.rows if row["status"] != "ok"]),
        "others": {"count": len(others), "table": _others(others)} if others else None,
    }


def _failures(rows: list[Row]) -> dict[str, Any] | None:
    """Rows without a measured value by metric, status and reason; None where there is none."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        key = (row["metric"], row["status"], row["arm"] or row["generator"] or "", row["note"] or "")
        groups.setdefault(key, []).append(row)
    columns = {"metric": TEXT, "training set or generator": TEXT, "problem": PROSE, "rows": NUMBER}
    with_subjects = any(row["subject"] for row in rows)
    if with_subjects:
        columns["subjects"] = TEXT
    lines: list[list[Cell]] = []
    for (metric, status, about, note), members in groups.items():
        said = wording.STATUSES.get(status, status)
        aside = "scored as worst" if status in VALUED_STATUSES else ""
        problem = with_aside(f"{said}: {note}" if note else said, aside)
        names = ", ".join(sorted({row["subject"] for row in members if row["subject"]}))
        line: list[Cell] = [wording.row_name(metric), about or None, problem, len(members)]
        lines.append([*line, names or None] if with_subjects else line)
    return make_table("Rows without a measured value", columns, lines) if lines else None


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
