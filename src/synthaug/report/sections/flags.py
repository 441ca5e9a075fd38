"""Flags: problems that follow from the results, worst first."""

from __future__ import annotations

from typing import Any

from synthaug.report.flag import find_flags
from synthaug.report.section import ReportData, Section


def flags(data: ReportData) -> dict[str, Any]:
    """Flags raised, flags that are clear, flags whose measure is absent, and those that are not about this study."""
    return find_flags(data)


SECTION = Section(title="Flags: problems found in the results", menu="Flags", order=5, content=flags)
