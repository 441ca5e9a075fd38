"""Panels about the synthetic cines: distances, requested against measured values, volume-time curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthaug.report.plots.panel import colour, few_ticks, label_rows, legend, marker, panel, series_colour


def distances(rows: Sequence[Mapping[str, Any]], axis_label: str) -> str:
    """One distance of each generator, beside the real-versus-real distance of the same n.

    Parameters
    ----------
    rows : sequence of mappings
        Keys label, value, ci_low, ci_high, floor, floor_sd; None where unknown.
    axis_label : str
        Name of the distance.

    Returns
    -------
    str
        SVG element; the real-versus-real distance is a tick with a band of one standard deviation.
    """
    with panel(height_in=0.9 + 0.5 * len(rows)) as drawn:
        axes = drawn.axes
        for position, row in enumerate(rows):
            if pd.notna(row["floor"]):
                spread = 0.0 if pd.isna(row["floor_sd"]) else row["floor_sd"]
                axes.fill_betweenx(
                    [position - 0.14, position + 0.14],
                    row["floor"] - spread,
                    row["floor"] + spread,
                    color=colour("real"),
                    alpha=0.25,
                    linewidth=0,
                )
                axes.plot(
                    [row["floor"]] * 2,
                    [position - 0.14, position + 0.14],
                    color=colour("real"),
                    linewidth=2,
                    label="real versus real" if position == 0 else None,
                )
            if pd.notna(row["ci_low"]) and pd.notna(row["ci_high"]):
                axes.plot(
                    [row["ci_low"], row["ci_high"]], [position] * 2, color=colour("synthetic"), linewidth=2
                )
            axes.plot(
                row["value"],
                position,
                "o",
                color=colour("synthetic"),
                markersize=6,
                label="synthetic versus real" if position == 0 else None,
            )
        label_rows(axes, [row["label"] for row in rows])
        axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
        axes.set_xlabel(axis_label)
        few_ticks(axes)
        legend(axes)
    return drawn.svg


def feature_map(points: pd.DataFrame, note: str = "") -> str:
    """Real and synthetic subjects in a plane that has no units.

    Parameters
    ----------
    points : DataFrame
        Columns set (``real``, ``synthetic``), x, y.
    note : str
        Below the picture, for one that stands alone.

    Returns
    -------
    str
        SVG element.
    """
    groups = [(name, points[points["set"] == name]) for name in ("real", "synthetic")]
    return _in_a_plane(
        [(name, own, shape, colour(name)) for (name, own), shape in zip(groups, "o^", strict=True)], note
    )


def map_by_class(points: pd.DataFrame) -> str:
    """Samples by diagnosis in a plane that has no units.

    Parameters
    ----------
    points : DataFrame
        Columns diagnosis, x, y.

    Returns
    -------
    str
        SVG element.
    """
    groups = enumerate(points.groupby("diagnosis"))
    return _in_a_plane(
        [(str(diagnosis), own, marker(number), series_colour(number)) for number, (diagnosis, own) in groups]
    )


def _in_a_plane(groups: Sequence[tuple[str, pd.DataFrame, str, str]], note: str = "") -> str:
    """Points of groups, each with its name, marker and colour, in a plane that has no units; a note below it."""
    with panel(height_in=3.0) as drawn:
        axes = drawn.axes
        for name, own, shape, shade in groups:
            axes.plot(
                own["x"],
                own["y"],
                shape,
                color=shade,
                markersize=5.5,
                alpha=0.75,
                markeredgewidth=0,
                label=f"{name}, {len(own)}",
            )
        axes.set_xticks([])
        axes.set_yticks([])
        axes.margins(0.06)
        axes.set_xlabel(note)
        legend(axes)
    return drawn.svg


def requested_against_measured(
    points: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    axis_label: str,
    training_range: tuple[float, float] | None = None,
) -> str:
    """Scatter of requested against measured values.

    Parameters
    ----------
    points : mapping of str to (sequence, sequence)
        Series -> (requested, measured), in one unit.
    axis_label : str
        The quantity, with its unit.
    training_range : (float, float), optional
        Least and greatest value of the training patients, shaded.

    Returns
    -------
    str
        SVG element, with the line of identity.
    """
    everything = np.concatenate([np.asarray(values, float) for pair in points.values() for values in pair])
    ends = np.array([everything.min(), everything.max()])
    ends = ends + np.array([-1, 1]) * max(0.05 * (ends[1] - ends[0]), 1.0)
    with panel(height_in=3.4) as drawn:
        axes = drawn.axes
        if training_range is not None:
            axes.axvspan(
                *training_range, color=colour("real"), alpha=0.12, linewidth=0, label="training range"
            )
        axes.plot(ends, ends, color=colour("muted"), linewidth=1, linestyle=(0, (4, 3)), label="identity")
        for index, (label, (requested, measured)) in enumerate(points.items()):
            axes.plot(
                requested,
                measured,
                marker(index),
                color=series_colour(index),
                markersize=5,
                alpha=0.75,
                markeredgewidth=0,
                label=label,
            )
        axes.set_xlim(*ends)
        axes.set_ylim(*ends)
        axes.set_aspect("equal")
        axes.set_xlabel(f"requested {axis_label}")
        axes.set_ylabel(f"measured {axis_label}")
        legend(axes)
    return drawn.svg


def volume_curves(curves: pd.DataFrame, axis_label: str, y_limits: tuple[float, float]) -> str:
    """Cavity volume over one cardiac cycle, one line a subject.

    Parameters
    ----------
    curves : DataFrame
        Columns subject, kind ("real" or "synthetic"), cycle (0 at ED, 1 a cycle later) and
        volume_ml. Where few frames are annotated the points stand alone.
    axis_label : str
        The cavity, with its unit.
    y_limits : (float, float)
        Common limits, so that panels can be compared.

    Returns
    -------
    str
        SVG element.
    """
    with panel() as drawn:
        axes, named = drawn.axes, set()
        for (kind, _), curve in curves.groupby(["kind", "subject"], sort=False):
            kind = str(kind)
            sparse = len(curve) < 4
            cycle, volume = list(curve["cycle"]), list(curve["volume_ml"])
            if not sparse:  # the last frame leads back to the first
                cycle, volume = [*cycle, 1.0], [*volume, volume[0]]
            axes.plot(
                cycle,
                volume,
                color=colour(kind),
                marker="o" if sparse else None,
                markersize=4.5,
                linewidth=1.5,
                linestyle="none" if sparse else "-",
                alpha=0.75,
                label=kind if kind not in named else None,
            )
            named.add(kind)
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(*y_limits)
        axes.set_xlabel("fraction of the cardiac cycle, from ED")
        axes.set_ylabel(axis_label)
        legend(axes)
    return drawn.svg
