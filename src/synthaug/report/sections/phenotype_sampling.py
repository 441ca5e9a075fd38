"""Phenotypes drawn from a model beside those of real patients: distances, correlations, copies, each marginal."""

from __future__ import annotations

from typing import Any

from synthaug.config.phenotype_conditions import condition_of
from synthaug.metric_registry import in_group
from synthaug.report import wording
from synthaug.report.rows import estimate, select
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table
from synthaug.tables import Row

_METRICS = in_group("phenotype sampling")
_OF_PHENOTYPE = {
    "phenotype_mean_difference": "standardised mean difference (CI)",
    "phenotype_wasserstein": "Wasserstein distance in SD (real-versus-real floor)",
}
_RUN = ("generator", "fold", "generator_seed")


def phenotype_sampling(data: ReportData) -> dict[str, Any]:
    """One table over all phenotypes, and one of each phenotype for every model."""
    rows = [row for row in data.rows if _shows(row)]
    overall: list[list[Cell]] = [
        [*_about(row), wording.row_name(row["metric"]), row["versus"], estimate(row), row["n"]]
        for row in rows
        if row["target"] is None
    ]
    columns = {
        "model": TEXT,
        "fold, seed": TEXT,
        "measure": TEXT,
        "against": TEXT,
        "value (CI)": TEXT,
        "n": NUMBER,
    }
    return {
        "reason": "" if rows else "the study has no model of phenotypes",
        "table": make_table("Phenotypes drawn from a model", columns, overall) if overall else None,
        "models": [
            _model(name, select(rows, generator=name))
            for name in dict.fromkeys(row["generator"] for row in rows)
        ],
    }


def _model(name: str, rows: list[Row]) -> dict[str, Any]:
    columns = {"phenotype": TEXT, "fold, seed": TEXT, "against": TEXT} | dict.fromkeys(
        _OF_PHENOTYPE.values(), TEXT
    )
    groups: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        if row["target"] is not None:
            key = (row["target"], *_about(row)[1:], row["versus"])
            groups.setdefault(key, {})[row["metric"]] = row
    lines: list[list[Cell]] = [
        [_label(target), run, versus, *(estimate(found.get(metric)) for metric in _OF_PHENOTYPE)]
        for (target, run, versus), found in groups.items()
    ]
    return {"name": name, "table": make_table(f"Phenotypes of {name}", columns, lines)}


def _about(row: Row) -> list[Any]:
    _, fold, seed = (row[key] for key in _RUN)
    return [row["generator"], f"{fold}, {seed}"]


def _label(target: str) -> str:
    condition = condition_of(target)
    return f"{condition.title} ({condition.unit})" if condition.unit else condition.title


def _shows(row: Row) -> bool:
    return wording.base_metric(str(row["metric"])) in _METRICS


SECTION = Section(
    title="Phenotypes drawn from a model",
    menu="Sampled phenotypes",
    order=128,
    content=phenotype_sampling,
    shows=_shows,
)
