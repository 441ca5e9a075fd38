"""Panels about predictions of whole subjects: confusion of classes, predicted against reference values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthaug.report.plots.panel import colour, panel, shade_cells

_CELL_IN = 0.55


def confusion(
    shares: np.ndarray,
    classes: Sequence[str],
    counts: Sequence[int],
    axes_titles: tuple[str, str] = ("predicted", "true (patients)"),
) -> str:
    """Confusion matrix: rows are true or requested classes, columns predicted ones.

    Parameters
    ----------
    shares : ndarray, shape (n, n)
        Share of the patients of a row's class that are predicted as a column's; NaN where unknown.
    classes : sequence of str
        Classes in order.
    counts : sequence of int
        Patients of each true class.
    axes_titles : (str, str)
        What columns and rows are.

    Returns
    -------
    str
        SVG element.
    """
    size = 1.3 + _CELL_IN * len(classes)
    with panel(max(size, 2.6), max(size - 0.3, 2.2)) as drawn:
        axes = drawn.axes
        shade_cells(axes, shares, strongest=0.5)
        for (row, column), share in np.ndenumerate(shares):
            text = "–" if np.isnan(share) else f"{100 * share:.0f} %"
            axes.text(
                column + 0.5, row + 0.5, text, ha="center", va="center", color=colour("ink"), fontsize=9
            )
        places = np.arange(len(classes)) + 0.5
        axes.set_xticks(places, classes)
        axes.set_yticks(places, [f"{name} ({n})" for name, n in zip(classes, counts, strict=True)])
        axes.set_xlabel(axes_titles[0])
        axes.set_ylabel(axes_titles[1])
    return drawn.svg


def predicted_against_true(reference: np.ndarray, predicted: np.ndarray, axis_label: str) -> str:
    """One dot a patient, with the line of equality.

    Parameters
    ----------
    reference, predicted : ndarray, shape (n,)
        Values of the patients.
    axis_label : str
        Name of the phenotype, with its unit.

    Returns
    -------
    str
        SVG element.
    """
    ends = [float(min(reference.min(), predicted.min())), float(max(reference.max(), predicted.max()))]
    with panel() as drawn:
        axes = drawn.axes
        axes.plot(ends, ends, color=colour("muted"), linewidth=1, linestyle=(0, (4, 3)), zorder=0.9)
        axes.plot(reference, predicted, "o", color=colour("series-1"), markersize=4, alpha=0.7)
        axes.set_xlabel(f"reference {axis_label}")
        axes.set_ylabel("predicted")
    return drawn.svg
