"""Summary: the tables that papers print."""

from __future__ import annotations

from typing import Any

from synthaug.report.section import ReportData, Section
from synthaug.report.summary import Summary, summarise
from synthaug.report.summary_formats import counts
from synthaug.report.table import NUMBER, TEXT, make_table


def summary(data: ReportData) -> dict[str, Any]:
    """Arms and generators in columns, metrics in lines; the best of a line is marked."""
    tables = [{"title": found.title, "table": _table(found)} for found in summarise(data.table)]
    return {"reason": "" if tables else "no mean and no distance among the result rows", "tables": tables}


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
