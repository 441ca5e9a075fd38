"""Autoencoder reconstruction: distances of reconstructed to real cines."""

from __future__ import annotations

from typing import Any

from synthaug.measures.reconstructions import RECONSTRUCTED
from synthaug.report import wording
from synthaug.report.rows import estimate, pooled, select, shows_metrics
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table
from synthaug.tables import Row

RECONSTRUCTIONS = tuple(f"{metric}_reconstruction" for metric in RECONSTRUCTED)


def reconstruction(data: ReportData) -> dict[str, Any]:
    """The table, if any autoencoder was measured."""
    table = reconstruction_table(data.rows)
    return {
        "reason": "" if table["rows"] else "no autoencoder reconstruction among the result rows",
        "table": table,
    }


def reconstruction_table(rows: list[Row]) -> dict[str, Any]:
    """One line per autoencoder and training: distances as ratios to real-versus-real."""
    found = pooled(select(rows, metric=RECONSTRUCTIONS))
    metrics = [name for name in RECONSTRUCTIONS if select(found, metric=name)]
    trainings = dict.fromkeys((row["versus"], row["fold"], row["generator_seed"]) for row in found)
    columns = {"autoencoder": TEXT, "fold": NUMBER, "generator seed": NUMBER}
    columns |= {f"{wording.base_name(name)}, ratio (CI)": TEXT for name in metrics} | {"n": NUMBER}
    lines = [_line(found, metrics, *training) for training in trainings]
    return make_table("Autoencoder reconstruction", columns, lines)


def _line(rows: list[Row], metrics: list[str], name: str, fold: int, seed: int) -> list[Cell]:
    own = select(rows, versus=name, fold=fold, generator_seed=seed)
    cells = [estimate(row) for metric in metrics for row in select(own, metric=metric)]
    return [name, fold, seed, *cells, own[0]["n"]]


SECTION = Section(
    title="Autoencoder reconstruction",
    menu="Reconstruction",
    order=190,
    content=reconstruction,
    shows=shows_metrics(*RECONSTRUCTIONS),
)
