"""Phenotypes drawn from a model beside those of real patients: distances, correlations, copies, each marginal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from synthaug.config.phenotype_conditions import condition_of
from synthaug.core.artifacts import read_tsv
from synthaug.data.cohort import Cohort
from synthaug.data.splits import read_split, subjects_of
from synthaug.metric_registry import in_group
from synthaug.report import wording
from synthaug.report.plots.phenotypes import SETS, correlations, marginals
from synthaug.report.rows import estimate, select
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table
from synthaug.tables import Row

_METRICS = in_group("phenotype sampling")
_OF_PHENOTYPE = {
    "phenotype_mean_difference": "standardised mean difference (CI)",
    "phenotype_wasserstein": "Wasserstein distance in SD (CI)",
}
#: Distances, whose floor is that of two halves of the real patients.
_DISTANCES = ("phenotype_wasserstein", "phenotype_correlation_difference", "phenotype_frechet")
_RUN = ("generator", "fold", "generator_seed")


def phenotype_sampling(data: ReportData) -> dict[str, Any]:
    """One table over all phenotypes, and one of each phenotype for every model."""
    rows = [row for row in data.rows if _shows(row)]
    overall: list[list[Cell]] = [
        [*_about(row), wording.row_name(row["metric"]), row["versus"], _cell(row), row["n"]]
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
        "panels": _panels(data, [row["target"] for row in rows if row["target"]]),
        "legend": [{"name": name, "colour": shade, "glyph": "▬"} for name, shade in SETS.items()],
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
        [
            wording.condition_label(target),
            run,
            versus,
            *(_cell(found.get(metric)) for metric in _OF_PHENOTYPE),
        ]
        for (target, run, versus), found in groups.items()
    ]
    return {"name": name, "table": make_table(f"Phenotypes of {name}", columns, lines)}


def _cell(row: Row | None) -> dict[str, Any]:
    """Value with its interval; of a distance with the real-versus-real distance too."""
    found = estimate(row)
    return {**found, "with_floor": True} if row is not None and row["metric"] in _DISTANCES else found


def _panels(data: ReportData, phenotypes: Sequence[str]) -> list[dict[str, str]]:
    """Marginals of each phenotype, then the correlations of each set of hearts."""
    names = list(dict.fromkeys(phenotypes))
    if not names or not data.inputs.phenotypes:
        return []
    sets = {"real": _real(data), **_synthetic(data, names)}
    panels = []
    for name in names:
        values = {key: table[name].dropna().to_numpy(float) for key, table in sets.items() if name in table}
        values = {key: own for key, own in values.items() if len(own)}
        if values:
            alt = "; ".join(f"{key} mean {own.mean():.3g}, n {len(own)}" for key, own in values.items())
            counts = ", ".join(f"{len(own)} {key}" for key, own in values.items())
            title = f"{wording.condition_label(name)}, n = {counts}"
            panels.append(
                data.draw(f"marginal-{name}", marginals(values, wording.condition_label(name)), title, alt)
            )
    for key, table in sets.items():
        known = [name for name in names if name in table and table[name].nunique() > 1]
        if len(known) > 1:
            titles = [condition_of(name).title for name in known]
            svg = correlations(table[known].corr().to_numpy(), titles)
            alt = f"correlations of {len(known)} phenotypes, {wording.counted(len(table), 'heart')}"
            title = f"Correlations, {key}, n = {len(table)}"
            panels.append(data.draw(f"correlations-{key}", svg, title, alt))
    return panels


def _real(data: ReportData) -> pd.DataFrame:
    """Phenotypes of the real training subjects of any fold, one row a subject."""
    tables = [read_tsv(path, ("subject", "patient", "missing")) for path in data.inputs.phenotypes]
    training = {
        subject for path in data.inputs.splits.values() for subject in subjects_of(read_split(path), "train")
    }
    table = pd.concat(tables, ignore_index=True)
    return table[table["subject"].isin(training)]


def _synthetic(data: ReportData, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Requested phenotypes of the synthetic subjects, and what the segmenter measured on their cines."""
    requested, measured = [], []
    for run in data.inputs.synthetic:
        table = Cohort.open(run.cohort).table
        asked = {f"requested_{name}": name for name in names if f"requested_{name}" in table}
        requested.append(table[list(asked)].rename(columns=asked).astype(float))
        if run.volumes is not None:
            found = read_tsv(run.volumes, ("subject",))
            measured.append(found[[name for name in names if name in found]])
    sets = {"requested": requested, "measured": measured}
    return {name: pd.concat(tables, ignore_index=True) for name, tables in sets.items() if tables}


def _about(row: Row) -> list[Any]:
    _, fold, seed = (row[key] for key in _RUN)
    return [row["generator"], f"{fold}, {seed}"]


def _shows(row: Row) -> bool:
    return wording.base_metric(str(row["metric"])) in _METRICS


SECTION = Section(
    title="Phenotypes drawn from a model",
    menu="Sampled phenotypes",
    order=128,
    content=phenotype_sampling,
    shows=_shows,
)
