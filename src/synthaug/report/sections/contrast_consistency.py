"""Contrasts: several of one heart, between one contrast twice and two hearts; and how close each is to the real ones."""

from __future__ import annotations

from typing import Any

from synthaug.measures.contrast_consistency import REFERENCES, SCORES
from synthaug.measures.contrast_distances import FID, FID_MEAN
from synthaug.report import wording
from synthaug.report.rows import by_synthetic_run, estimate, pooled, run_label, select, shows_metrics, varying
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table, number, with_aside
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
_DISTANCES = {
    "generator": TEXT,
    "contrast": TEXT,
    "against": TEXT,
    "FID (CI)": TEXT,
    "real-versus-real ± SD": NUMBER,
    "ratio to real-versus-real": NUMBER,
    "n": NUMBER,
}


def contrast_consistency(data: ReportData) -> dict[str, Any]:
    """One table per generator and fold, and one of distances for all of them."""
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
    distances = _distances(data)
    reason = "" if tables or distances else "the study measures no contrasts (`evaluation.contrasts`)"
    return {"reason": reason, "tables": tables, "distances": distances}


def _line(rows: list[Row], row: Row) -> list[Cell]:
    name = str(row["metric"])
    own = estimate(row)
    others = [estimate(next(iter(select(rows, metric=name + of)), None)) for of in REFERENCES]
    return [name.removeprefix("contrast_").upper(), own, own["n"], *others]


def _distances(data: ReportData) -> dict[str, Any] | None:
    """FID of each contrast and their mean; None where it was not measured."""
    found = pooled(select(data.rows, metric=(FID, FID_MEAN)))
    if not found:
        return None
    columns = varying(found, ("extractor", "fold", "generator_seed"))
    body: list[list[Cell]] = []
    for row in found:
        keys = ("generator", "versus", "extractor", "fold", "generator_seed", "target")
        ratios = select(data.rows, metric=f"{FID}_ratio", **{key: row[key] for key in keys})
        ratio = estimate(ratios[0]) if ratios and row["metric"] == FID else None
        body.append(
            [
                with_aside(row["generator"] or "", run_label(row, columns)),
                row["target"] or "mean",
                (row["versus"] or "").replace("_", " "),
                estimate(row),
                {**number(row["floor"], wording.decimals(FID)), "sd": row["floor_sd"]},
                ratio,
                row["n"],
            ]
        )
    return make_table("FID of each contrast", _DISTANCES, body)


SECTION = Section(
    title="Contrasts: several of one heart, and each beside the real ones",
    menu="Contrasts",
    order=145,
    content=contrast_consistency,
    shows=shows_metrics(*CONTRAST_CONSISTENCY, FID, FID_MEAN, f"{FID}_ratio"),
)
