"""Provenance: code, packages and data of the run, and the checksums of its tables."""

from __future__ import annotations

from typing import Any

from synthaug.core.artifacts import read_json
from synthaug.report.section import ReportData, Section
from synthaug.tables.collate import read_checksums


def provenance(data: ReportData) -> dict[str, Any]:
    """The run's record, the table version and its checksums."""
    tables = data.inputs.tables
    record = tables / "provenance.json"
    return {
        "record": read_json(record) if record.is_file() else None,
        "version": tables.name,
        "rows": sum(map(len, data.tables)),
        "checksums": read_checksums(tables),
    }


SECTION = Section(title="Provenance", menu="Provenance", order=200, content=provenance)
