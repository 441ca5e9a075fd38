"""Contrast consistency: several contrasts of one heart, between one contrast twice and two hearts."""

from __future__ import annotations

from typing import Any

from synthaug.measures.contrast_consistency import REFERENCES, SCORES
from synthaug.report.rows import by_synthetic_run, estimate, pooled, select, shows_metrics
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table
from synthaug.tables import Row

CONTRAST_CONSISTENCY = tuple(name + of for name in SCORES for of in ("", *REFERENCES))
_COLUMNS = {
    "score": TEXT,
    "contrasts of one heart": TEXT,
    "n": NUMBER,
    "one contrast, another seed": TEXT,
    "contrasts of two hearts": TEXT,
    "contrasts of one real patient": TEXT,
    "contrasts of two real patients": TEXT,
}


def contrast_consistency(data: ReportData) -> dict[str, Any]:
    """One table per generator and fold."""
    tables = []
    for keys, found in by_synthetic_run(pooled(select(data.rows, metric=tuple(SCORES)))):
        own = pooled(select(data.rows, metric=CONTRAST_CONSISTENCY, **keys))
        cells = [estimate(row) for row in found]
        unmeasured = all(cell["value"] is None for cell in cells)
        tables.append(
            {
                **keys,
                "versus": found[0]["versus"],
                "reason": cells[0]["note"] or cells[0]["text"] if unmeasured else "",
                "table": make_table("Contrast consistency", _COLUMNS, [_line(own, row) for row in found]),
            }
        )
    reason = "" if tables else "the study measures no contrasts (`evaluation.contrasts`)"
    return {"reason": reason, "tables": tables}


def _line(rows: list[Row], row: Row) -> list[Cell]:
    name = str(row["metric"])
    own = estimate(row)
    others = [estimate(next(iter(select(rows, metric=name + of)), None)) for of in REFERENCES]
    return [name.removeprefix("contrast_").upper(), own, own["n"], *others]


SECTION = Section(
    title="Contrast consistency: several contrasts of one heart",
    menu="Contrasts",
    order=145,
    content=contrast_consistency,
    shows=shows_metrics(*CONTRAST_CONSISTENCY),
)
