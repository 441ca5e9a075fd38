"""A published table beside a study's own, as TSV and as a page of Markdown; a figure of values against the dose."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from synthaug.config.study import StudySettings
from synthaug.core.artifacts import atomic_folder, write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.published import cascade, cpgg, texdc, text_mask
from synthaug.published.ablations import AGAINST_FULL, against_full
from synthaug.published.base import Lines, PublishedTable
from synthaug.published.own import own_values
from synthaug.report.plots.panel import GLYPHS
from synthaug.report.plots.segmentation import dose_curve

#: Every published table by name.
PUBLISHED = {table.name: table for paper in (cascade, cpgg, texdc, text_mask) for table in paper.TABLES}
_COLUMNS = (
    *("table", "part", "source", "data", "method", "series", "dose", "column"),
    *("unit", "value", "sd", "ci_low", "ci_high", "floor", "n", "note", "finding", "published_finding"),
)


def write_published_table(
    name: str, rows: pd.DataFrame, study: StudySettings, seconds: Mapping[str, float], output: Path
) -> None:
    """Write a published table with the study's own values beside the paper's.

    Parameters
    ----------
    name : str
        Name in `PUBLISHED`.
    rows : DataFrame
        All result rows of the study.
    study : StudySettings
        The study.
    seconds : mapping of str to float
        Seconds a sample by generator.
    output : Path
        Folder to write, whole or not at all: ``table.tsv``, ``table.md`` and, of a figure, ``figure.svg``.

    Raises
    ------
    SynthaugError
        The study has nothing that the table could show.
    """
    table = PUBLISHED[name]
    variants = table.variants(study) if table.variants else None
    parts = []
    for number, part in enumerate(table.parts):
        own = own_values(part, rows, study, seconds)
        published = table.values(number)
        own = own.assign(source="this study", data=study.title or study.name)
        published = published.assign(source="published", data=table.data)
        here = [own, published]
        if variants is not None:
            beside = against_full(part, variants, rows, published, study)
            here.append(beside.assign(source=AGAINST_FULL, data=variants.full))
        parts += [each.assign(table=name, part=number + 1) for each in here]
    found = pd.concat(
        [part.reindex(columns=list(_COLUMNS)).astype(object) for part in parts], ignore_index=True
    )
    own = found[found["source"] == "this study"]
    if own.empty:
        wanted = " or ".join(dict.fromkeys(part.lines for part in table.parts))
        raise SynthaugError(
            f"{name}: study {study.name} has no {wanted}; declare one, or ask for another table"
        )
    with atomic_folder(output) as folder:
        write_tsv(folder / "table.tsv", found)
        (folder / "table.md").write_text(_markdown(table, found), encoding="utf-8")
        if table.figure:
            (folder / "figure.svg").write_text(_draw(own), encoding="utf-8")


def _markdown(table: PublishedTable, found: pd.DataFrame) -> str:
    number = re.search(r"(table|figure)(\d+)$", table.name)
    after = f"After {number[1]} {number[2]} of" if number else "After the results of"
    lines = [f"# {table.title}", "", f"{after}: {table.paper}.", ""]
    if table.figure:
        curves = _curves(found[found["source"] == "this study"])
        marked = (f"{GLYPHS[number % len(GLYPHS)]} {name}" for number, name in enumerate(curves))
        lines += [f"Curves of this study: {'; '.join(marked)}. Dashed: real patients alone.", ""]
    for part in range(1, len(table.parts) + 1):
        for source in ("this study", AGAINST_FULL, "published"):
            own = found[(found["part"] == part) & (found["source"] == source)]
            if own.empty:
                continue
            lines += [
                _heading(source, str(own["data"].iloc[0]), table.parts[part - 1].lines),
                "",
                *_grid(own),
                "",
            ]
    return "\n".join(lines)


def _heading(source: str, data: str, lines: Lines) -> str:
    if source == "this study":
        if lines == "generators":
            return (
                f"**This study** ({data}); in brackets: confidence interval, of several trainings over these and patients, and "
                "real-versus-real floor. Distances are to real test patients, or to training patients where no test patient "
                "was measured"
            )
        return f"**This study** ({data}); in brackets: confidence interval"
    if source == AGAINST_FULL:
        return (
            f"**Against the full model, `{data}`**: distance over that of the full model to the same real patients; in brackets: "
            "confidence interval, not adjusted for the number of comparisons. Worse: above 1; better: below 1; not shown: the "
            "interval holds 1. Behind it the paper's direction, from its printed values without an interval"
        )
    return f"**Published, from other data** ({data}): not comparable in value with this study; ± SD"


def _grid(own: pd.DataFrame) -> list[str]:
    columns = list(own["column"].unique())
    lines = [f"| method | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for method, cells in own.groupby("method", sort=False):
        by_column = {row["column"]: row for row in cells.to_dict("records")}
        shown = (_cell(by_column[column]) if column in by_column else "" for column in columns)
        lines.append(f"| {method} | {' | '.join(shown)} |")
    return lines


def _cell(row: Mapping[Hashable, Any]) -> str:
    if row["source"] == AGAINST_FULL:
        measured = "" if pd.isna(row["value"]) else f": {_estimate(row)}"
        return f"{row['finding']}{measured}; paper: {row['published_finding']}"
    return str(row["note"]) if pd.isna(row["value"]) else _estimate(row)


def _estimate(row: Mapping[Hashable, Any]) -> str:
    unit = f" {row['unit']}" if row["source"] == "this study" and row["unit"] else ""
    text = f"{row['value']:.4g}{unit}"
    if pd.notna(row["sd"]):
        text += f" ± {row['sd']:.3g}"
    aside = []
    if pd.notna(row["ci_low"]) and pd.notna(row["ci_high"]):
        low, high = row["ci_low"], row["ci_high"]
        aside.append(f"{low:.4g} to {high:.4g}" if low < high else "interval without width")
    if pd.notna(row["floor"]):
        aside.append(f"floor {row['floor']:.4g}")
    text += f" ({', '.join(aside)})" if aside else ""
    return text + (f", n = {row['n']:.0f}" if pd.notna(row["n"]) else "")


def _draw(own: pd.DataFrame) -> str:
    """Values against the dose: a curve a series, with the arms of real patients at dose 0 and as dashed lines."""
    measured = _measured(own)
    references = list(measured.loc[measured["dose"] == 0, "value"])
    return dose_curve(list(_curves(own).values()), references, str(own["column"].iloc[0]))


def _curves(own: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Measured values of each series by dose."""
    groups = _measured(own).groupby("series", sort=False)
    return {str(name): points.sort_values("dose") for name, points in groups}


def _measured(own: pd.DataFrame) -> pd.DataFrame:
    return own[own["value"].notna()].astype(dict.fromkeys(("dose", "value", "ci_low", "ci_high"), float))
