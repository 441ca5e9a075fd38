"""Distribution distances between synthetic and real cohorts, each beside the real-versus-real distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synthaug.report import wording
from synthaug.report.plots import synthesis
from synthaug.report.rows import (
    DISTANCES,
    FIDELITY,
    TEXT,
    Draw,
    estimate,
    pooled,
    run_label,
    select,
    shows_metrics,
    varying,
)
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, Cell, make_table, number, with_aside
from synthaug.report.table import TEXT as LEFT
from synthaug.tables import VALUED_STATUSES, Row

#: Ratios of two generators' distances.
_QUOTIENTS = tuple(f"{name}_quotient" for name in DISTANCES)
#: Columns that distinguish rows of one metric.
_RUN = ("versus", "extractor", "fold", "training_seed", "generator_seed")
_SHOWN = (*DISTANCES, *FIDELITY, *TEXT)
_BESIDE = ("ratio", "extrapolated")
_COLUMNS = {
    "distance": LEFT,
    "generator": LEFT,
    "against": LEFT,
    "value (CI)": LEFT,
    "real-versus-real ± SD": NUMBER,
    "ratio to real-versus-real": NUMBER,
    "n": NUMBER,
    "extrapolated to infinite sample size": NUMBER,
}


_COMPARISON = {
    "distance": LEFT,
    "generator": LEFT,
    "over": LEFT,
    "against": LEFT,
    "generator is": LEFT,
    "ratio (CI)": LEFT,
    "n": NUMBER,
}


def distances(data: ReportData) -> dict[str, Any]:
    """Figures and the table of all distances and fidelity scores; each extractor is named once."""
    found = sorted(pooled(select(data.rows, metric=_SHOWN)), key=lambda row: _SHOWN.index(row["metric"]))
    beside = pooled(
        select(data.rows, metric=tuple(f"{name}_{part}" for name in DISTANCES for part in _BESIDE))
    )
    columns = varying(found, ("fold", "training_seed", "generator_seed"))
    if any(varying(select(found, metric=metric), ("extractor",)) for metric in _SHOWN):
        columns = ["extractor", *columns]  # one metric with two extractors: name it in each line
    extractors = list(dict.fromkeys(row["extractor"] for row in found if row["extractor"]))
    return {
        "reason": "" if found else "no distance among the result rows",
        "panels": _panels(found, varying(found, ("extractor", *columns)), data.draw),
        "table": make_table("Distances", _COLUMNS, [_line(row, beside, columns) for row in found]),
        "generators": _comparison(pooled(select(data.rows, metric=_QUOTIENTS))),
        "extractors": [
            {
                "name": extractor,
                "metrics": list(
                    dict.fromkeys(
                        wording.metric_name(row["metric"]) for row in select(found, extractor=extractor)
                    )
                ),
            }
            for extractor in extractors
        ],
    }


def _line(row: Row, beside: list[Row], columns: Sequence[str]) -> list[Cell]:
    about = {column: row[column] for column in ("generator", *_RUN)}
    ratio, extrapolated = (
        next(iter(select(beside, metric=f"{row['metric']}_{part}", **about)), None) for part in _BESIDE
    )
    places = wording.decimals(row["metric"])
    return [
        with_aside(wording.metric_name(row["metric"]), row["target"] or ""),
        with_aside(row["generator"] or "", run_label(row, columns)),
        (row["versus"] or "").replace("_", " "),
        estimate(row),
        {**number(row["floor"], places), "sd": row["floor_sd"]},
        estimate(ratio) if ratio else None,
        row["n"],
        # The reason for a missing value is in the section "Missing": it differs in every line.
        number(extrapolated["value"], places) if extrapolated else None,
    ]


def _comparison(rows: list[Row]) -> dict[str, Any] | None:
    """Generators against each other; None where a study has one only."""
    if not rows:
        return None
    columns = varying(rows, ("extractor", "fold", "generator_seed"))
    body = [
        [
            wording.metric_name(row["metric"].removesuffix("_quotient")),
            with_aside(row["generator"] or "", run_label(row, columns)),
            row["other_generator"] or "",
            (row["versus"] or "").replace("_", " "),
            _word(row),
            estimate(row),
            row["n"],
        ]
        for row in sorted(rows, key=lambda row: _QUOTIENTS.index(row["metric"]))
    ]
    return make_table("Generators compared with each other", _COMPARISON, body)


def _word(row: Row) -> str | None:
    """Which way the interval of a ratio lies of 1."""
    low, high = row["ci_low"], row["ci_high"]
    if low is None or high is None:
        return None
    return "closer" if high < 1 else "farther" if low > 1 else "undecided"


def _panels(rows: list[Row], columns: Sequence[str], draw: Draw) -> list[dict[str, str]]:
    """One figure per distance, with a line per generator and reference."""
    panels = []
    for metric in DISTANCES:
        lines = []
        shown = [row for row in select(rows, metric=metric) if row["status"] in VALUED_STATUSES]
        told = varying(shown, columns)
        for row in shown:
            label = f"{row['generator']} against {(row['versus'] or 'real').replace('_', ' ')}"
            run = run_label(row, told)
            lines.append({**row, "label": f"{label}, {run}" if run else label})
        if lines:
            name, places = wording.metric_name(metric), wording.decimals(metric)
            alt = "; ".join(
                f"{line['label']}: {wording.number(line['value'], places)}, "
                f"real-versus-real {wording.number(line['floor'], places)}"
                for line in lines
            )
            panels.append(draw(f"distance-{metric}", synthesis.distances(lines, name), name, alt))
    return panels


SECTION = Section(
    title="Distribution distances to real subjects",
    menu="Distances",
    order=90,
    content=distances,
    shows=shows_metrics(*_SHOWN, *_QUOTIENTS, *(f"{name}_{part}" for name in DISTANCES for part in _BESIDE)),
)
