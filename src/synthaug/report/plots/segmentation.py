"""Panels about the segmentation arms: means, paired differences, doses, clinical errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from synthaug.report.plots.panel import colour, few_ticks, label_rows, legend, marker, panel, series_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PHASE_MARKERS = {"ED": "o", "ES": "s"}
_ROW_IN = 0.46  # height of one arm, with its name above its line
#: Patients of an arm drawn one by one; more are drawn as percentiles: their dots would cover one another and fill the page.
MOST_DOTS = 200


def forest(rows: Sequence[Mapping[str, Any]], axis_label: str) -> str:
    """Paired differences with their intervals, one line a comparison.

    Parameters
    ----------
    rows : sequence of mappings
        Keys label, value, ci_low, ci_high and word (of `synthaug.statistics.verdict`), from top
        to bottom.
    axis_label : str
        What the difference is of, with its unit.

    Returns
    -------
    str
        SVG element.
    """
    with panel(height_in=0.7 + _ROW_IN * len(rows)) as drawn:
        axes = drawn.axes
        axes.axvline(0, color=colour("muted"), linewidth=1, zorder=0.9)
        for position, row in enumerate(rows):
            shade = colour(row["word"] if row["word"] in ("helps", "hurts") else "undecided")
            if pd.notna(row["ci_low"]) and pd.notna(row["ci_high"]):
                axes.plot([row["ci_low"], row["ci_high"]], [position] * 2, color=shade, linewidth=2.2)
            filled = shade if row["word"] in ("helps", "hurts") else "none"
            axes.plot(
                row["value"],
                position,
                "o",
                color=shade,
                markersize=6,
                markerfacecolor=filled,
                markeredgewidth=1.6,
            )
        label_rows(axes, [row["label"] for row in rows])
        axes.set_xlabel(axis_label)
        few_ticks(axes)
    return drawn.svg


def arm_means(rows: Sequence[Mapping[str, Any]], axis_label: str) -> str:
    """Means with intervals, one line an arm, one marker a phase.

    Parameters
    ----------
    rows : sequence of mappings
        Keys label, colour (a name of the theme), phase ("ED", "ES" or empty), value,
        ci_low, ci_high; arms from top to bottom in order of appearance.
    axis_label : str
        Name and unit of the metric.

    Returns
    -------
    str
        SVG element.
    """
    labels = list(dict.fromkeys(row["label"] for row in rows))
    phases = list(dict.fromkeys(row["phase"] for row in rows))
    offsets = dict(
        zip(phases, np.linspace(-0.1, 0.1, len(phases)) if len(phases) > 1 else [0.0], strict=True)
    )
    with panel(height_in=0.8 + _ROW_IN * len(labels)) as drawn:
        axes, named = drawn.axes, set()
        for row in rows:
            height = labels.index(row["label"]) + offsets[row["phase"]]
            shade = colour(row["colour"])
            if pd.notna(row["ci_low"]) and pd.notna(row["ci_high"]):
                axes.plot([row["ci_low"], row["ci_high"]], [height] * 2, color=shade, linewidth=2, alpha=0.75)
            axes.plot(
                row["value"],
                height,
                _PHASE_MARKERS.get(row["phase"], "D"),
                color=shade,
                markerfacecolor=shade if row["phase"] != "ES" else "none",
                markersize=5.5,
                label=row["phase"] if row["phase"] and row["phase"] not in named else None,
            )
            named.add(row["phase"])
        label_rows(axes, labels)
        axes.set_xlabel(axis_label)
        few_ticks(axes)
        legend(axes)
    return drawn.svg


def dose_curve(curves: Sequence[pd.DataFrame], references: Sequence[float], axis_label: str) -> str:
    """Mean against dose, one curve a series; the page has one legend for all panels.

    Parameters
    ----------
    curves : sequence of DataFrame
        Columns dose, value, ci_low, ci_high, ascending doses; an empty one keeps the colour of its place.
    references : sequence of float
        Levels of the arms without synthetic subjects, as dashed lines.
    axis_label : str
        Name and unit of the metric.

    Returns
    -------
    str
        SVG element.
    """
    doses = sorted({dose for curve in curves for dose in curve["dose"]})
    step = 0.015 * ((doses[-1] - doses[0]) or 1.0)  # beside one another, or intervals would hide intervals
    with panel() as drawn:
        axes = drawn.axes
        for level in references:
            axes.axhline(level, color=colour("real"), linewidth=1.2, linestyle=(0, (4, 3)))
        for index, curve in enumerate(curves):
            low, high = (curve["value"] - curve["ci_low"]), (curve["ci_high"] - curve["value"])
            axes.errorbar(
                curve["dose"] + step * (index - (len(curves) - 1) / 2),
                curve["value"],
                yerr=np.nan_to_num(np.stack([low, high]).astype(float)).clip(min=0),
                color=series_colour(index),
                marker=marker(index),
                markersize=5,
                capsize=2.5,
                linewidth=1.6,
            )
        axes.set_xlabel("synthetic per real training subject")
        axes.set_ylabel(axis_label)
        axes.set_xticks(doses, [f"{dose:g}" for dose in doses])
        axes.margins(x=0.08)
    return drawn.svg


def patient_values(values: Mapping[str, tuple[str, Sequence[float]]], axis_label: str, zero: bool) -> str:
    """One dot a patient, one line an arm; of more than `MOST_DOTS` patients, percentiles.

    Parameters
    ----------
    values : mapping of str to (str, sequence of float)
        Arm -> (name of a theme colour, one value a patient).
    axis_label : str
        Name and unit of the metric.
    zero : bool
        Whether zero means "no error" and is marked.

    Returns
    -------
    str
        SVG element.
    """
    with panel(height_in=0.7 + _ROW_IN * len(values)) as drawn:
        axes = drawn.axes
        if zero:
            axes.axvline(0, color=colour("muted"), linewidth=1, zorder=0.9)
        for position, (shade, dots) in enumerate(values.values()):
            if len(dots) > MOST_DOTS:
                _percentiles(axes, position + 0.1, dots, colour(shade))
                continue
            # The golden ratio spreads dots evenly without a random draw.
            spread = ((np.arange(len(dots)) * 0.618) % 1 - 0.5) * 0.3
            axes.plot(
                dots,
                position + 0.1 + spread,
                "o",
                color=colour(shade),
                markersize=4,
                alpha=0.6,
                markeredgewidth=0,
            )
        label_rows(axes, list(values))
        axes.set_xlabel(axis_label)
        few_ticks(axes)
    return drawn.svg


def _percentiles(axes: Axes, position: float, values: Sequence[float], shade: str) -> None:
    """Median as a dot, 25th to 75th percentile as a thick line, 5th to 95th as a thin one; least and greatest as points."""
    least, low, first, median, third, high, most = np.percentile(values, [0, 5, 25, 50, 75, 95, 100])
    axes.plot([low, high], [position] * 2, color=shade, linewidth=1.4)
    axes.plot([first, third], [position] * 2, color=shade, linewidth=5, alpha=0.6, solid_capstyle="butt")
    axes.plot(median, position, "o", color=shade, markersize=5)
    axes.plot([least, most], [position] * 2, ".", color=shade, markersize=4)
