"""Summary tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from synthaug.report.section import ReportData, Section
from synthaug.report.summary import Summary, arrange
from synthaug.report.summary_formats import counts
from synthaug.report.table import NUMBER, TEXT, make_table

_COLUMNS = 8  # of training sets or generators that fit on paper


def summary(data: ReportData) -> dict[str, Any]:
    """Arms and generators in columns, metrics in lines; the best value of a line is marked."""
    tables = [part for found in arrange(data.rows) for part in summary_parts(found)]
    return {"reason": "" if tables else "no mean and no distance among the result rows", "tables": tables}


def summary_parts(found: Summary) -> list[dict[str, Any]]:
    """A summary as tables that fit the page; bold: best of all columns."""
    parts = []
    for start in range(0, len(found.columns), _COLUMNS):
        here = slice(start, start + _COLUMNS)
        lines = [replace(line, cells=line.cells[here]) for line in found.lines]
        part = replace(found, columns=found.columns[here], lines=lines)
        title = found.title
        if len(found.columns) > _COLUMNS:
            title += f", columns {start + 1} to {start + len(part.columns)} of {len(found.columns)}"
        parts.append({"title": title, "table": _table(part)})
    return parts


def _table(found: Summary) -> dict[str, Any]:
    columns = (
        {"metric": TEXT, "about": TEXT} | {f"{name} (CI)": TEXT for name in found.columns} | {"n": NUMBER}
    )
    body = [
        [
            line.label,
            line.place,
            *({**cell.estimate, "best": cell.best, "with_floor": True} for cell in line.cells),
            counts(line.cells),
        ]
        for line in found.lines
    ]
    return make_table(found.title, columns, body)


SECTION = Section(title="Summary tables", menu="Summary", order=60, content=summary)
