"""Ratio of synthetic to real subjects: the primary metric against the dose, with controls at the same doses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from synthaug.config.arms import Arm
from synthaug.report import wording
from synthaug.report.arm_panels import axis_label, file_part, is_of_a_generator, way_of_training
from synthaug.report.plots import segmentation
from synthaug.report.plots.panel import GLYPHS, SERIES
from synthaug.report.rows import Draw, estimate, pooled, select
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, make_table, p_value, signed
from synthaug.statistics.scores import PLACE
from synthaug.tables import VALUED_STATUSES, Row


def doses(data: ReportData) -> dict[str, Any]:
    """Mean against dose, a curve a generator, with its controls and the arm of real patients only."""
    metric, arms = data.primary_metric, data.arms
    found = sorted({arm.dose for arm in arms if arm.real and arm.generator and not arm.control})
    means = [
        row for row in pooled(select(data.rows, metric=f"{metric}_mean")) if row["status"] in VALUED_STATUSES
    ]
    families = _families(arms)
    drawn = [name for name, members in families.items() if _has_rows(members, means)]
    if not drawn:
        reason = "no mean of an arm with synthetic data among the result rows"
    else:
        reason = "" if len(found) > 1 else "the study has one dose; a curve needs two or more"
    panels = (
        [] if reason else _panels(means, {name: families[name] for name in drawn}, arms, metric, data.draw)
    )
    return {
        "reason": reason,
        "panels": panels,
        "legend": [
            {"name": name, "colour": SERIES[index % len(SERIES)], "glyph": GLYPHS[index % len(GLYPHS)]}
            for index, name in enumerate(drawn)
        ],
        "trends": _trends(data.rows, metric),
    }


def _families(arms: Sequence[Arm]) -> dict[str, list[Arm]]:
    """Arms that form one curve: of one generator, or of a control that generators share, and one way of training."""
    families: dict[str, list[Arm]] = {}
    for arm in arms:
        if arm.real and arm.generator:
            name = wording.CONTROLS[arm.control].curve if arm.control else arm.generator
            if arm.control and is_of_a_generator(arm, arms):
                name += f" ({arm.generator})"
            families.setdefault(name + way_of_training(arm), []).append(arm)
    return families


def _has_rows(members: Sequence[Arm], means: list[Row]) -> bool:
    return bool({arm.name for arm in members} & {row["arm"] for row in means})


def _panels(
    means: list[Row], families: Mapping[str, list[Arm]], arms: Sequence[Arm], metric: str, draw: Draw
) -> list[dict[str, str]]:
    """A figure a place (structure, phase and target); a family keeps its colour and marker in all of them."""
    baselines = [arm.name for arm in arms if arm.real and not arm.generator]
    panels = []
    for level in dict.fromkeys(tuple(row[key] for key in PLACE) for row in means):
        place = dict(zip(PLACE, level, strict=True))
        here = {row["arm"]: row for row in select(means, **place)}
        curves = {name: _curve(members, here) for name, members in families.items()}
        if all(curve.empty for curve in curves.values()):
            continue
        levels = [here[name]["value"] for name in baselines if name in here]
        alt = "; ".join(
            f"{name} at dose {dose:g}: {wording.number(value, wording.decimals(metric))}"
            for name, curve in curves.items()
            for dose, value in zip(curve["dose"], curve["value"], strict=True)
        )
        svg = segmentation.dose_curve(list(curves.values()), levels, axis_label(metric))
        panels.append(draw(f"dose-{file_part(place)}", svg, wording.place(place), alt))
    return panels


def _curve(members: Sequence[Arm], here: Mapping[str, Row]) -> pd.DataFrame:
    points = [{**here[arm.name], "dose": arm.dose} for arm in members if arm.name in here]
    curve = pd.DataFrame(points, columns=["dose", "value", "ci_low", "ci_high"])
    return curve.astype(float).sort_values("dose")


def _trends(rows: list[Row], metric: str) -> dict[str, Any] | None:
    """Slope over doses and Page's test, a line a generator, structure and phase."""
    lines = [
        [
            f"{row['generator']} up to {row['arm']}",
            wording.place(row),
            signed(estimate(row)),
            p_value(row["p_value"]),
            p_value(trend["p_value"]),
        ]
        for row in pooled(select(rows, metric=f"{metric}_slope"))
        for trend in pooled(
            select(
                rows,
                metric=f"{metric}_trend",
                arm=row["arm"],
                **{key: row[key] for key in PLACE},
            )
        )
    ]
    columns = {
        "generator": TEXT,
        "structure and phase": TEXT,
        f"change in {axis_label(metric)} for a dose increase of 1 (CI)": TEXT,
        "p": NUMBER,
        "p, Page's test over patients": NUMBER,
    }
    return make_table("Trend over doses", columns, lines) if lines else None


SECTION = Section(title="Ratio of synthetic to real subjects (dose)", menu="Doses", order=50, content=doses)
