"""Panels about training: losses over iterations."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthaug.report.plots.panel import few_ticks, legend, panel, series_colour


def loss_curves(history: pd.DataFrame, step: str, columns: list[str], logarithmic: bool) -> str:
    """Losses over iterations.

    Parameters
    ----------
    history : DataFrame
        One row a logged iteration; gaps (NaN) are bridged.
    step : str
        Column of the abscissa.
    columns : list of str
        Columns to draw.
    logarithmic : bool
        Scale of the ordinate.

    Returns
    -------
    str
        SVG element.
    """
    with panel(height_in=2.5) as drawn:
        axes = drawn.axes
        for index, column in enumerate(columns):
            steps, losses = (history[name].to_numpy(float) for name in (step, column))
            known = np.isfinite(losses)
            axes.plot(
                steps[known],
                losses[known],
                color=series_colour(index),
                linewidth=1.4,
                marker="o" if known.sum() < 3 else None,
                markersize=4,
                label=column.replace("_", " "),
            )
        if logarithmic:
            axes.set_yscale("log")
        axes.set_xlabel(step.replace("_", " "))
        axes.set_ylabel("loss")
        few_ticks(axes)
        legend(axes)
    return drawn.svg
