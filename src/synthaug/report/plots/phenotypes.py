"""Panels about phenotypes: marginals of several sets of hearts, and correlations of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from synthaug.report.plots.panel import colour, panel, shade_cells

#: Colour of each set of hearts, the same in all panels; the page has one legend.
SETS = {"real": "real", "requested": "series-2", "measured": "synthetic"}
_BINS = 24


def marginals(values: Mapping[str, np.ndarray], axis_label: str) -> str:
    """Histograms of one phenotype, one line a set of hearts, each with an area of 1.

    Parameters
    ----------
    values : mapping of str to ndarray, shape (n,)
        Known values by set of hearts, keys of `SETS`.
    axis_label : str
        Name of the phenotype, with its unit.

    Returns
    -------
    str
        SVG element.
    """
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins=_BINS)
    with panel() as drawn:
        axes = drawn.axes
        for name, own in values.items():
            density, _ = np.histogram(own, edges, density=True)
            axes.stairs(density, edges, color=colour(SETS[name]), linewidth=1.6)
        axes.set_xlabel(axis_label)
        axes.set_ylabel("density")
        axes.set_yticks([])
    return drawn.svg


def correlations(matrix: np.ndarray, names: Sequence[str]) -> str:
    """Correlations of phenotypes, -1 to 1.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Pearson correlations; NaN where unknown.
    names : sequence of str
        Phenotypes in order.

    Returns
    -------
    str
        SVG element.
    """
    side = 1.6 + 0.28 * len(names)
    with panel(max(side, 2.8), max(side - 0.2, 2.6)) as drawn:
        axes = drawn.axes
        shade_cells(axes, matrix)
        axes.set_title("Pearson's r: blue 1, orange −1", fontsize=8, loc="left")
        places = np.arange(len(names)) + 0.5
        axes.set_xticks(places, names, rotation=90, fontsize=7)
        axes.set_yticks(places, names, fontsize=7)
    return drawn.svg
