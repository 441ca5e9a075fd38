"""Training sets: means of every arm, paired differences, ranking and mixed models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthaug.config.arms import Arm
from synthaug.report import wording
from synthaug.report.arm_panels import axis_label, colour_of, forest_panel
from synthaug.report.plots import segmentation
from synthaug.report.rows import (
    CALIBRATION,
    CLASSIFICATION,
    CLINICAL,
    OVERLAP,
    REGRESSION,
    Draw,
    estimate,
    pooled,
    select,
)
from synthaug.report.section import ReportData, Section
from synthaug.report.table import (
    NUMBER,
    TEXT,
    all_unmeasured,
    badge,
    exploratory,
    make_table,
    number,
    p_value,
    signed,
)
from synthaug.statistics import verdict
from synthaug.statistics.scores import PLACE
from synthaug.tables import VALUED_STATUSES, Row

#: Keys of the columns of a table of arms; most studies have no means by fold.
_LEVEL = (*PLACE, "fold")
_METRICS = (*OVERLAP, *CALIBRATION, *CLINICAL, *CLASSIFICATION, *REGRESSION)
#: Aggregates of a metric of patients that sections about arms show.
_COMPARED = ("difference", "slope", "trend", "rank", "first", "rank_tau", "mixed")


def arms(data: ReportData) -> dict[str, Any]:
    """Means of every arm and metric, and the paired differences of the verdict."""
    rows, metric, declared = data.rows, data.primary_metric, data.arms
    by_name = {arm.name: arm for arm in declared}
    tables = _mean_tables(rows, declared)
    means = pooled(select(rows, metric=f"{metric}_mean"))
    differences = pooled(select(rows, metric=f"{metric}_difference"))
    measured = [row for row in differences if row["status"] in VALUED_STATUSES]
    places = dict.fromkeys(tuple(row[key] for key in PLACE) for row in measured)
    forests = [
        forest_panel(measured, dict(zip(PLACE, place, strict=True)), by_name, metric, data.draw, data.alpha)
        for place in places
        if any(place)  # the verdict shows the other one
    ]
    return {
        "compared": len(declared) > 1,
        "absent": "" if tables else "no mean over patients among the result rows",
        "means": _mean_panels(means, by_name, metric, data.draw),
        "forest": [panel for panel in forests if panel],
        "differences": _differences(differences, metric, data.alpha) if differences else None,
        "ranking": _ranking(rows, declared, metric),
        "mixed": _mixed(select(rows, metric=f"{metric}_mixed"), metric),
        "tables": tables,
    }


def _mean_tables(rows: list[Row], arms: Sequence[Arm]) -> list[dict[str, Any]]:
    """One table per metric: arms in rows, structures and phases in columns."""
    tables = []
    for name in _METRICS:
        means = pooled(select(rows, metric=f"{name}_mean"))
        if not means:
            continue
        levels = [
            dict(zip(_LEVEL, level, strict=True))
            for level in dict.fromkeys(tuple(row[key] for key in _LEVEL) for row in means)
        ]
        columns = {"training set": TEXT} | {f"{wording.place(level)} (CI)": TEXT for level in levels}
        body = []
        for arm in arms:
            cells = [estimate(next(iter(select(means, arm=arm.name, **level)), None)) for level in levels]
            body.append([arm.name, *({**cell, "with_n": True} for cell in cells)])
        unit = wording.metric_unit(name)
        title = f"{wording.metric_name(name)}{f' ({unit})' if unit else ''}"
        tables.append({"title": title, "table": make_table(f"{title} of every arm", columns, body)})
    return tables


def _differences(rows: list[Row], metric: str, alpha: float) -> dict[str, Any]:
    """Paired differences with the p-values of the declared family, and all p-values as an exploratory table."""
    about = {"training set": TEXT, "minus": TEXT, "structure and phase": TEXT}
    difference = {f"difference in {axis_label(metric)} (CI)": TEXT, "n": NUMBER}
    columns = {**about, **difference, "p, Holm-adjusted": NUMBER, "p, equivalence": NUMBER, "verdict": TEXT}
    tests = {
        "p_value": "p, unadjusted",
        "p_wilcoxon": "p, Wilcoxon",
        "p_permutation": "p, sign flip",
        "p_equivalence": "p, equivalence",
    }
    body, explored = [], []
    for row in rows:
        valued = row["status"] in VALUED_STATUSES
        word = verdict.judge_row(row, alpha) if valued else verdict.NOT_MEASURED
        declared = row["p_adjusted"] is not None
        place = [row["arm"], row["versus"], wording.place(row)]
        inference = [p_value(row[test]) if declared else None for test in ("p_adjusted", "p_equivalence")]
        body.append([*place, signed(estimate(row)), row["n"], *inference, badge(word, exploratory(declared))])
        if valued:
            p_values = (p_value(row[test]) for test in tests)
            explored.append([*place, *p_values, number(row["effect_size"], 2)])
    exploratory_columns = {**about, **dict.fromkeys(tests.values(), NUMBER), "effect size": NUMBER}
    return {
        "count": len(rows),
        "table": make_table("Paired differences", columns, body),
        "exploratory": make_table("Exploratory p-values", exploratory_columns, explored)
        if explored
        else None,
    }


def _mixed(rows: list[Row], metric: str) -> dict[str, Any] | None:
    """Differences by mixed models; only the reason if none could be fitted."""
    if not rows:
        return None
    columns = {
        "training set": TEXT,
        "minus": TEXT,
        f"difference in {axis_label(metric)} (CI)": TEXT,
        "p": NUMBER,
    }
    body = [[row["arm"], row["versus"], signed(estimate(row)), p_value(row["p_value"])] for row in rows]
    reason = all_unmeasured([estimate(row) for row in rows])
    return {"reason": reason, "table": make_table("Mixed models", columns, body)}


def _ranking(rows: list[Row], arms: Sequence[Arm], metric: str) -> dict[str, Any] | None:
    """Mean rank of each arm, fraction of replicates ranked first, and similarity of the rankings."""
    ranks = {row["arm"]: row for row in select(rows, metric=f"{metric}_rank")}
    first = {row["arm"]: row for row in select(rows, metric=f"{metric}_first")}
    tau = next(iter(select(rows, metric=f"{metric}_rank_tau")), None)
    # One pooled ranking, or one a structure and phase: only the single one is a table of arms.
    if not ranks or len(select(rows, metric=f"{metric}_rank")) != len(ranks):
        return None
    ranked = sorted((ranks[arm.name] for arm in arms if arm.name in ranks), key=lambda row: row["value"])
    lines = [
        [row["arm"], {**estimate(row), "places": 1}, {**estimate(first.get(row["arm"])), "places": 2}]
        for row in ranked
    ]
    columns = {"training set": TEXT, "mean rank (CI)": TEXT, "fraction of replicates ranked first": NUMBER}
    tau_value = None if tau is None else tau["value"]
    return {"table": make_table("Ranking of the training sets", columns, lines), "tau": tau_value}


def _mean_panels(means: list[Row], arms: Mapping[str, Arm], metric: str, draw: Draw) -> list[dict[str, str]]:
    panels = []
    for structure, target in dict.fromkeys((row["structure"], row["target"]) for row in means):
        here = select(means, structure=structure, target=target)
        shown = [row for row in here if row["status"] in VALUED_STATUSES]
        points = [
            {**row, "label": name, "phase": row["phase"] or "", "colour": colour_of(arm)}
            for name, arm in arms.items()
            for row in select(shown, arm=name)
        ]
        if points:
            title = wording.STRUCTURES.get(structure, structure or target or "All")
            svg = segmentation.arm_means(points, axis_label(metric))
            alt = "; ".join(
                f"{row['arm']} {row['phase'] or ''} {wording.number(row['value'], wording.decimals(metric))}"
                for row in shown
            )
            panels.append(draw(f"means-{metric}-{structure or target or 'all'}", svg, title, alt))
    return panels


def _shows(row: Row) -> bool:
    """Means, differences and comparisons; by vendor, means and differences."""
    metric = str(row["metric"])
    own = any(metric in (f"{name}_mean", *(f"{name}_{kind}" for kind in _COMPARED)) for name in _METRICS)
    of_vendor = metric.endswith(("_mean", "_difference"))
    return own and not row["diagnosis"] and (not row["vendor"] or of_vendor)


SECTION = Section(
    title="Training sets: means and paired differences",
    menu="Training sets",
    order=30,
    content=arms,
    shows=_shows,
)
