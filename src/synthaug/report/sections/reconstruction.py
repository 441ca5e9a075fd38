"""Autoencoder reconstruction: distances of reconstructed to real cines, and their quality control."""

from __future__ import annotations

from typing import Any

from synthaug.measures.reconstructions import RECONSTRUCTED
from synthaug.metric_registry import OF_RECONSTRUCTIONS, REJECTED
from synthaug.report import wording
from synthaug.report.rows import estimate, pooled, select
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, PROSE, TEXT, Cell, make_table
from synthaug.tables import Row

RECONSTRUCTIONS = tuple(f"{metric}_reconstruction" for metric in RECONSTRUCTED)
_RATE = f"{OF_RECONSTRUCTIONS}acceptance_rate"
_REJECTED = f"{OF_RECONSTRUCTIONS}{REJECTED}"


def reconstruction(data: ReportData) -> dict[str, Any]:
    """Both tables, if any autoencoder was measured."""
    table, accepted = reconstruction_table(data.rows), acceptance_table(data.rows)
    found = table["rows"] or accepted["rows"]
    return {
        "reason": "" if found else "no autoencoder reconstruction among the result rows",
        "table": table,
        "accepted": accepted,
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


def acceptance_table(rows: list[Row]) -> dict[str, Any]:
    """One line per autoencoder and training, then one per diagnosis: what quality control says of reconstructions."""
    rates = [row for row in rows if row["metric"] == _RATE and row["fold"] is not None]
    columns = {"autoencoder": TEXT, "fold": NUMBER, "generator seed": NUMBER, "diagnosis": TEXT}
    columns |= {"acceptance rate (CI)": TEXT, "reasons of rejection": PROSE}
    about = ("versus", "fold", "generator_seed", "diagnosis")
    lines: list[list[Cell]] = []
    for rate in sorted(rates, key=lambda row: [str(row[key] or "") for key in about]):
        reasons = [
            f"{row['note']} ({int(row['value'])})"
            for row in select(rows, **{key: rate[key] for key in about})
            if str(row["metric"]).startswith(_REJECTED) and row["value"]
        ]
        name, fold, seed, diagnosis = (rate[key] for key in about)
        lines.append(
            [
                name,
                fold,
                seed,
                diagnosis or "all",
                {**estimate(rate), "with_n": True},
                "; ".join(reasons) or None,
            ]
        )
    return make_table("Quality control of reconstructed training cines", columns, lines)


def _shows(row: Row) -> bool:
    metric = str(row["metric"])
    return metric in RECONSTRUCTIONS or metric == _RATE or metric.startswith(_REJECTED)


SECTION = Section(
    title="Autoencoder reconstruction",
    menu="Reconstruction",
    order=190,
    content=reconstruction,
    shows=_shows,
)
