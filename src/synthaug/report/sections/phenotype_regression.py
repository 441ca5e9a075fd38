"""Phenotype regression: R² and errors of every arm and phenotype, predicted against reference values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synthaug.config.arms import Arm
from synthaug.phenotypes.registry import PHENOTYPES
from synthaug.report import wording
from synthaug.report.plots.prediction import predicted_against_true
from synthaug.report.rows import REGRESSION, estimate, select
from synthaug.report.section import ReportData, Section
from synthaug.report.table import TEXT, make_table
from synthaug.statistics.scores import of_headline, patient_of
from synthaug.tables import Row
from synthaug.tables.compact import with_texts

_OVERALL = {
    "r2": "R², mean over phenotypes",
    "absolute_error_sd_mean": "absolute error (SD of training patients)",
}
_BY_TARGET = {"r2": "R²", "phenotype_error_mae": "mean absolute error", "phenotype_error_mean": "bias"}
_PLACE = {"subject": None, "vendor": None, "role": None, "diagnosis": None, "structure": None, "phase": None}
_VALUES = ("predicted_phenotype", "reference_phenotype")


def phenotype_regression(data: ReportData) -> dict[str, Any]:
    """Every task that predicts phenotypes, with the arms in rows."""
    views = data.tasks or {"": data}
    tasks = [_task(name, view) for name, view in views.items() if select(view.rows, metric="r2", **_PLACE)]
    return {"reason": "" if tasks else "the study has no task of kind regression", "tasks": tasks}


def _task(name: str, view: ReportData) -> dict[str, Any]:
    rows = select(view.rows, metric=(*_OVERALL, *_BY_TARGET), **_PLACE)
    columns = {"training set": TEXT} | {f"{title} (CI)": TEXT for title in _OVERALL.values()}
    targets = list(dict.fromkeys(row["target"] for row in rows if row["target"]))
    return {
        "name": name,
        "table": make_table(
            f"Regression of {name or 'the test patients'}",
            columns,
            [[arm.name, *_cells(rows, arm, _OVERALL, None)] for arm in view.arms],
        ),
        "targets": [_target(rows, target, view.arms) for target in targets],
        "panels": _panels(view, targets),
    }


def _cells(
    rows: Sequence[Row], arm: Arm, metrics: dict[str, str], target: str | None
) -> list[dict[str, Any]]:
    own = {row["metric"]: row for row in select(rows, arm=arm.name, target=target)}
    return [{**estimate(own.get(metric)), "with_n": True} for metric in metrics]


def _target(rows: Sequence[Row], target: str, arms: Sequence[Arm]) -> dict[str, Any]:
    columns = {"training set": TEXT} | {f"{title} (CI)": TEXT for title in _BY_TARGET.values()}
    body = [[arm.name, *_cells(rows, arm, _BY_TARGET, target)] for arm in arms]
    return {"title": _label(target), "table": make_table(f"Regression of {target}", columns, body)}


def _panels(view: ReportData, targets: Sequence[str]) -> list[dict[str, str]]:
    """Predicted against reference of the real arm and of the declared arm with the largest dose."""
    declared = [arm for arm in view.arms if not arm.control]
    shown = dict.fromkeys(
        (
            max(declared, key=lambda arm: arm.real * (arm.generator is None)),
            max(declared, key=lambda arm: arm.dose),
        )
    )
    own = with_texts(view.table[view.table["metric"].isin(_VALUES).to_numpy(bool)])
    own = of_headline(own.assign(patient=patient_of(own), value=own["value"].astype(float)))
    panels = []
    for target in targets:
        for arm in shown:
            here = own[(own["target"] == target) & (own["arm"] == arm.name)]
            values = here.pivot_table(index="patient", columns="metric", values="value").reindex(
                columns=list(_VALUES)
            )
            values = values.dropna()
            if values.empty:
                continue
            predicted, reference = (values[name].to_numpy(float) for name in _VALUES)
            svg = predicted_against_true(reference, predicted, _label(target))
            alt = f"{wording.counted(len(values), 'patient')}, mean over trainings"
            title = f"{_label(target)}: {arm.name}, n = {len(values)}"
            panels.append(view.draw(f"predicted-{target}-{arm.name}", svg, title, alt))
    return panels


def _label(target: str) -> str:
    known = PHENOTYPES.get(target)
    if known is None:
        return target.replace("_", " ")
    return known.title if known.unit == "1" else f"{known.title} ({known.unit})"


def _shows(row: Row) -> bool:
    return wording.base_metric(str(row["metric"])) in REGRESSION and not row["vendor"]


SECTION = Section(
    title="Phenotype regression", menu="Phenotypes", order=39, content=phenotype_regression, shows=_shows
)
