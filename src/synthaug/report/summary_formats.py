"""A study's summary as CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import pandas as pd

from synthaug.core.spreadsheets import without_formulas
from synthaug.report import wording
from synthaug.report.summary import Cell, Summary, summarise

_ENDINGS = {"value": "", "ci_low": ".low", "ci_high": ".high", "floor": ".floor"}
_LATEX = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "−": "$-$",
    "–": "--",
    "±": r"$\pm$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def summary_files(rows: pd.DataFrame) -> dict[str, str]:
    """The summary of result rows as files: ``summary.csv``, ``summary.md`` and ``summary.tex``."""
    found = summarise(rows)
    return {"summary.csv": as_csv(found), "summary.md": as_markdown(found), "summary.tex": as_latex(found)}


def cell_text(cell: Cell) -> str:
    """Text of a cell: value, interval and real-versus-real distance, or the reason for a missing value."""
    found = cell.estimate
    if found["value"] is None:
        return found["text"] or "not measured"
    places = found["places"]
    inside = []
    if found["ci_low"] is not None and found["ci_high"] is not None:
        inside.append(
            f"{wording.number(found['ci_low'], places)} to {wording.number(found['ci_high'], places)}"
        )
    if found["floor"] is not None:
        spread = "" if found["floor_sd"] is None else f" ± {wording.number(found['floor_sd'], places)}"
        inside.append(f"real-versus-real {wording.number(found['floor'], places)}{spread}")
    if found["status"] != "ok":
        inside.append(found["text"])
    return wording.number(found["value"], places) + (f" ({'; '.join(inside)})" if inside else "")


def counts(cells: Sequence[Cell]) -> str:
    """n of a line: one number, or the smallest and largest if cells differ."""
    known = sorted({int(cell.estimate["n"]) for cell in cells if cell.estimate["n"] is not None})
    if not known:
        return "–"
    return str(known[0]) if len(known) == 1 else f"{known[0]} to {known[-1]}"


def as_csv(summaries: Sequence[Summary]) -> str:
    """Tables as CSV, values unrounded.

    Returns
    -------
    str
        Columns table, metric, unit, direction, place, n, best, and for each arm and generator its value
        with ``<name>.low`` and ``<name>.high``; distances also ``<name>.floor``. Empty where not measured.
    """
    columns: dict[str, tuple[str, ...]] = {}
    for summary in summaries:
        keys = ("value", "ci_low", "ci_high", *(("floor",) if summary.name == "generators" else ()))
        columns |= {name: max(keys, columns.get(name, ()), key=len) for name in summary.columns}
    header = ["table", "metric", "unit", "direction", "place", "n", "best"]
    header += [name + _ENDINGS[key] for name, keys in columns.items() for key in keys]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for summary in summaries:
        for line in summary.lines:
            cells = dict(zip(summary.columns, line.cells, strict=True))
            best = "; ".join(name for name, cell in cells.items() if cell.best)
            unit = wording.metric_unit(line.metric)
            entries: list[Any] = [summary.name, line.metric, unit, line.direction, line.place]
            entries += [counts(line.cells).replace("–", ""), best]
            for name, keys in columns.items():
                found = cells[name].estimate if name in cells else {}
                entries += [found.get(key) for key in keys]
            writer.writerow(
                [without_formulas(entry) if isinstance(entry, str) else entry for entry in entries]
            )
    return stream.getvalue()


def as_markdown(summaries: Sequence[Summary]) -> str:
    """Tables as Markdown; the best value of a line is bold."""
    parts = ["# Summary\n"]
    if not summaries:
        parts.append("No mean and no distance among the result rows.\n")
    for summary in summaries:
        header = ["metric", "where", *map(_markdown, summary.columns), "n"]
        lines = [f"## {summary.title}\n", f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
        for line in summary.lines:
            cells = [f"**{cell_text(cell)}**" if cell.best else cell_text(cell) for cell in line.cells]
            entries = [line.label, _markdown(line.place), *cells, counts(line.cells)]
            lines.append(f"| {' | '.join(entries)} |")
        parts.append("\n".join(lines) + "\n")
    parts.append(f"{EXPLANATION}\n")
    return "\n".join(parts)


EXPLANATION = (
    "Value (confidence interval; real-versus-real: the same distance between disjoint halves of the real "
    "patients, ± one standard deviation). Bold: best value of the line at the decimals shown, not a statistical "
    "test; tests: rows of paired differences. Arrows: direction of better values."
)


def as_latex(summaries: Sequence[Summary]) -> str:
    """Tables as LaTeX with booktabs; text is escaped, the best value of a line is bold."""
    parts = ["% \\usepackage{booktabs}\n"]
    for summary in summaries:
        header = ["Metric", "Where", *map(latex_escaped, summary.columns), "$n$"]
        lines = [
            r"\begin{table}",
            rf"\caption{{{latex_escaped(summary.title)}.}}",
            rf"\begin{{tabular}}{{ll{'r' * (len(header) - 2)}}}",
            r"\toprule",
            " & ".join(header) + r" \\",
            r"\midrule",
        ]
        for line in summary.lines:
            texts = [(latex_escaped(cell_text(cell)), cell.best) for cell in line.cells]
            cells = [rf"\textbf{{{text}}}" if best else text for text, best in texts]
            entries = [latex_escaped(line.label), latex_escaped(line.place), *cells]
            lines.append(" & ".join([*entries, latex_escaped(counts(line.cells))]) + r" \\")
        parts.append("\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n")
    return "\n".join(parts)


def latex_escaped(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return "".join(_LATEX.get(sign, sign) for sign in text)


def _markdown(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
