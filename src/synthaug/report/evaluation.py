"""A comparison of two folders: a table on the terminal and one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.core.artifacts import write_text
from synthaug.report import wording
from synthaug.report.render import make_environment
from synthaug.report.rows import DISTANCES, FIDELITY, estimate, records, select
from synthaug.report.table import NUMBER, TEXT, make_table, number

_TEMPLATE = Path(__file__).with_name("evaluation.html.j2")


def comparison_table(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """One line per measure, with its ratio to real-versus-real if it has one.

    Parameters
    ----------
    rows : DataFrame
        Result rows of one synthetic folder against one real one.
    """
    found = records(rows)
    table = []
    for metric in (*DISTANCES, *FIDELITY):
        for row in select(found, metric=metric):
            ratios, extrapolated = (
                select(found, metric=metric + part) for part in ("_ratio", "_extrapolated")
            )
            table.append(
                {
                    "metric": wording.metric_name(metric),
                    "better": row["direction"],
                    "definition": row["definition"],
                    "estimate": estimate(row),
                    "ratio": estimate(ratios[0]) if ratios else None,
                    "extrapolated": estimate(extrapolated[0]) if extrapolated else None,
                }
            )
    return table


def text_table(table: Sequence[Mapping[str, Any]], confidence: float) -> str:
    """The table in columns, for a terminal; reasons of missing values below."""
    interval = f"{100 * confidence:g} % CI"
    lines = [("measure", "value", interval, "real-versus-real", "ratio to it", "n", "infinite n")]
    for row in table:
        cell, ratio, extrapolated = row["estimate"], row["ratio"], row["extrapolated"]
        floor = wording.number(cell["floor"], cell["places"])
        if cell["floor_sd"] is not None:
            floor += f" ± {wording.number(cell['floor_sd'], cell['places'])}"
        lines.append(
            (
                row["metric"],
                wording.number(cell["value"], cell["places"]),
                _interval(cell),
                floor,
                _with_interval(ratio) if ratio else "–",
                "–" if cell["n"] is None else str(cell["n"]),
                "–"
                if extrapolated is None
                else wording.number(extrapolated["value"], extrapolated["places"]),
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = [
        "  ".join(entry.ljust(width) for entry, width in zip(line, widths, strict=True)) for line in lines
    ]
    reasons = {row["estimate"]["note"]: None for row in table if row["estimate"]["value"] is None}
    return "\n".join([*(line.rstrip() for line in text), *(f"not measured: {reason}" for reason in reasons)])


def render_page(content: Mapping[str, Any], output: Path) -> None:
    """Write the page; it needs no other file and no network, and runs no script.

    Parameters
    ----------
    content : mapping
        `title`, `sides`, `table`, `notes`, `facts` and `confidence`, as `synthaug.compare_folders` makes them.
    output : Path
        HTML file.
    """
    from markupsafe import Markup

    style = _TEMPLATE.with_name("report.css").read_text(encoding="utf-8")
    template = make_environment(_TEMPLATE.parent).get_template(_TEMPLATE.name)
    write_text(
        output, template.render({**content, "table": _page_table(content["table"])}, style=Markup(style))
    )


def _page_table(table: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    columns = {
        "measure": TEXT,
        "better": TEXT,
        "value (CI)": TEXT,
        "real-versus-real ± SD": NUMBER,
        "ratio to real-versus-real (CI)": NUMBER,
        "n": NUMBER,
        "extrapolated to infinite sample size": NUMBER,
        "definition": TEXT,
    }
    lines = []
    for row in table:
        cell, places = row["estimate"], row["estimate"]["places"]
        floor = {**number(cell["floor"], places), "sd": cell["floor_sd"]}
        beside = [row["ratio"], cell["n"], row["extrapolated"]]
        lines.append([row["metric"], row["better"], cell, floor, *beside, row["definition"]])
    return make_table("Measures", columns, lines)


def _interval(cell: Mapping[str, Any]) -> str:
    if cell["ci_low"] is None or cell["ci_high"] is None:
        return "–"
    low, high = (wording.number(cell[end], cell["places"]) for end in ("ci_low", "ci_high"))
    return f"{low} to {high}"


def _with_interval(cell: Mapping[str, Any]) -> str:
    value = wording.number(cell["value"], cell["places"])
    return f"{value} ({_interval(cell)})" if cell["ci_low"] is not None else value
