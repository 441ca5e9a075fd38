"""Panel about two measurements of the same quantity."""

from __future__ import annotations

import numpy as np

from synthaug.metrics.agreement import Agreement
from synthaug.report.plots.panel import colour, few_ticks, panel


def differences(measured: np.ndarray, reported: np.ndarray, found: Agreement, unit: str) -> str:
    """Bland-Altman plot: difference against mean, with bias and limits of agreement.

    Parameters
    ----------
    measured, reported : ndarray, shape (n,)
        Paired values.
    found : Agreement
        Bias and limits of measured minus reported.
    unit : str
        Unit of both.

    Returns
    -------
    str
        SVG element.
    """
    with panel() as drawn:
        axes = drawn.axes
        axes.axhline(0, color=colour("hairline"), linewidth=1.2, zorder=0.8)
        axes.axhline(found.bias, color=colour("ink"), linewidth=1.3, zorder=0.9)
        for limit in (found.lower, found.upper):
            axes.axhline(limit, color=colour("muted"), linewidth=1, linestyle=(0, (4, 3)), zorder=0.9)
        axes.plot(
            (measured + reported) / 2,
            measured - reported,
            "o",
            color=colour("series-1"),
            markersize=4,
            alpha=0.65,
            markeredgewidth=0,
        )
        axes.set_xlabel(f"mean of measured and reported ({unit})")
        axes.set_ylabel("measured − reported")
        axes.margins(y=0.12)
        few_ticks(axes)
    return drawn.svg
