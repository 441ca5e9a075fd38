"""One panel: a small figure whose colours follow the page it is shown in.

Panels are drawn in the exact colours of the light theme. On export each of these colours
becomes a CSS custom property with that colour as its fallback, so that the same file is
readable alone, on a light page and on a dark one.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: CSS custom property -> colour on a light page. Series are distinguishable without red
#: and green (Okabe and Ito, 2008, darkened for contrast on white).
THEME = {
    "card": "#fffffe",
    "ink": "#1d2226",
    "muted": "#5d666e",
    "hairline": "#d9d6ce",
    "series-1": "#0b6a8f",
    "series-2": "#b4560f",
    "series-3": "#6b4c9a",
    "series-4": "#1b7a5a",
    "series-5": "#a3246e",
    "series-6": "#6d6a12",
    "real": "#4b5359",
    "synthetic": "#0b6a90",
    "helps": "#14745a",
    "hurts": "#b03a2e",
    "undecided": "#7a6a3a",
}
SERIES = tuple(f"series-{number}" for number in range(1, 7))
#: Markers of series, and the characters that stand for them in a legend of the page.
MARKERS, GLYPHS = "os^Dv", "●■▲◆▼"
_CHARACTERS_PER_IN = 12  # of a label below the axes: longer ones would leave the panel
_SMALL_CHARACTERS_PER_IN = 14  # of a name that takes several lines
_REFERENCE = r'(?<=[("])#([A-Za-z][^)"]*)(?=[)"])'  # url(#id) or href="#id"
_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # names may hold a dollar sign
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.edgecolor": THEME["hairline"],
    "axes.labelcolor": THEME["muted"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": THEME["hairline"],
    "grid.linewidth": 0.6,
    "xtick.color": THEME["hairline"],
    "ytick.color": THEME["hairline"],
    "xtick.labelcolor": THEME["muted"],
    "ytick.labelcolor": THEME["muted"],
    "text.color": THEME["ink"],
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


class Panel:
    """A figure with one axes; `svg` holds its text once the drawing block has ended."""

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        self.svg = ""


@contextmanager
def panel(width_in: float = 3.75, height_in: float = 2.7) -> Iterator[Panel]:
    """Draw one panel.

    Parameters
    ----------
    width_in, height_in : float
        Size in inches. At 72 units an inch the default fits the narrowest phone unscaled.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        FigureCanvasSVG(figure)
        drawn = Panel(figure.add_subplot())
        yield drawn
        label = textwrap.fill(drawn.axes.get_xlabel(), round(_CHARACTERS_PER_IN * width_in))
        drawn.axes.set_xlabel(label)
        stream = io.StringIO()
        with mpl.rc_context({"svg.hashsalt": "synthaug"}):
            figure.savefig(stream, format="svg", metadata={"Date": None})
        drawn.svg = themed_svg(stream.getvalue())


def colour(name: str) -> str:
    """Colour of the theme by name, as matplotlib takes it."""
    return THEME[name]


def series_colour(index: int) -> str:
    """Colour of the `index`-th series; six differ, then they repeat."""
    return THEME[SERIES[index % len(SERIES)]]


def marker(index: int) -> str:
    """Marker of the `index`-th series; with `series_colour`, thirty series differ."""
    return MARKERS[index % len(MARKERS)]


def shade_cells(axes: Axes, values: np.ndarray, strongest: float = 1.0) -> None:
    """A square for each value, its first row on top: more opaque the larger it is, of another colour below 0.

    The page shows through. Mixed beforehand, colours would stay those of a light page, and text on them would be unreadable
    on a dark one.

    Parameters
    ----------
    axes : Axes
        Receives the limits.
    values : ndarray, shape (rows, columns)
        -1 to 1; NaN is left empty.
    strongest : float
        Opacity of 1; at 0.5 text in the colour of the page's ink is readable on it, light or dark.
    """
    from matplotlib.patches import Rectangle

    rows, columns = values.shape
    for (row, column), value in np.ndenumerate(np.nan_to_num(values)):
        shade = colour("series-1" if value > 0 else "series-2")
        axes.add_patch(
            Rectangle((column, row), 1, 1, facecolor=shade, alpha=strongest * abs(value), linewidth=0)
        )
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    axes.grid(visible=False)


def few_ticks(axes: Axes) -> None:
    """At most six ticks along x, written in full: more would overprint on a phone."""
    axes.locator_params(axis="x", nbins=5)
    axes.ticklabel_format(axis="x", useOffset=False)


def themed_svg(text: str) -> str:
    """An ``<svg>`` element that can stand in a page: themed colours, no links, no idle ids.

    Parameters
    ----------
    text : str
        What matplotlib wrote.
    """
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for name, value in THEME.items():
        text = text.replace(value, f"var(--{name}, {value})")
    text = re.sub(r"font-family: [^;\"]+", "font-family: var(--sans, sans-serif)", text)
    # A style sheet inside the picture would hold for the whole page.
    text = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", text, count=1, flags=re.DOTALL)
    text = text.replace("<svg ", '<svg stroke-linejoin="round" ', 1)
    used = set(re.findall(_REFERENCE, text))
    text = re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in used else "", text)
    text = text.replace("xlink:href=", "href=")
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    return re.sub(r"\s*xmlns:xlink=\"[^\"]*\"", "", text).strip() + "\n"


def with_unique_ids(svg: str, prefix: str) -> str:
    """The same drawing with its ids, and what refers to them, under a prefix of its own.

    Panels share one page; without this, a clip path of one would cut another.
    """
    svg = re.sub(r' id="([^"]+)"', rf' id="{prefix}-\1"', svg)
    return re.sub(_REFERENCE, lambda match: match[0].replace("#", f"#{prefix}-"), svg)


def legend(axes: Axes, **options: Any) -> None:
    """A legend above the axes, where it cannot cover data; none where nothing has a label."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        defaults: dict[str, Any] = {
            "loc": "lower left",
            "bbox_to_anchor": (0, 1.0),
            "ncols": 2,
            "borderaxespad": 0.2,
            "handlelength": 1.2,
            "columnspacing": 1.2,
            "fontsize": 9,
        }
        axes.legend(handles, labels, **(defaults | options))


def label_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Rows 0, 1, ... from the top, their names above their lines, a long one in several lines.

    Beside the lines the names would take half of a phone's width.
    """
    backed = {"facecolor": THEME["card"], "edgecolor": "none", "pad": 0.8}
    width_in = axes.figure.bbox.width / axes.figure.dpi
    for position, label in enumerate(labels):
        several = len(label) > _CHARACTERS_PER_IN * width_in
        text = axes.text(
            0.0,
            position - (0.12 if several else 0.3),
            textwrap.fill(label, round(_SMALL_CHARACTERS_PER_IN * width_in)) if several else label,
            transform=axes.get_yaxis_transform(),
            fontsize=8 if several else 9,
            va="bottom" if several else "center",
            bbox=backed,
            zorder=1,  # above the grid, below the data
        )
        text.set_in_layout(False)  # the axes would give way to a name that is wider than the panel
    axes.set_ylim(len(labels) - 0.5, -0.65)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
