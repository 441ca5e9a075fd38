"""Metric sensitivity: response of each distance to corrupted real cines, and generators compared with them."""

from __future__ import annotations

from typing import Any

from synthaug.measures.metric_sensitivity.corrupted_reference import CONTROLLED
from synthaug.report import wording
from synthaug.report.rows import DISTANCES, estimate, pooled, run_label, select, shows_metrics, varying
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, make_table, number, signed
from synthaug.tables import Row

#: Standard deviations of the real-versus-real distance, as shown, below which a change is not detected.
DETECTED = 2.0
RESPONSES = tuple(f"{name}_response" for name in DISTANCES)
CORRUPTED = tuple(f"{name}_control" for name in CONTROLLED)
_RUN = ("extractor", "fold", "generator_seed")


def metric_sensitivity(data: ReportData) -> dict[str, Any]:
    """Responses to known corruptions, and generators compared with corrupted real cines."""
    compared = corrupted_lines(data.rows)
    responses = response_tables(data.rows)
    return {
        "reason": "" if responses or compared else "the metric sensitivity was not measured",
        "responses": responses,
        "compared": _compared_table(compared) if compared else None,
    }


def corrupted_lines(rows: list[Row]) -> list[dict[str, Any]]:
    """One line per distance, generator and corruption: ratio, and closer, farther or not different."""
    found = pooled(select(rows, metric=CORRUPTED))
    columns = varying(found, _RUN)
    return [
        {
            "metric": wording.base_name(row["metric"]),
            "generator": row["generator"] or "",
            "run": run_label(row, columns),
            "control": row["versus"] or "",
            "word": _word(row),
            "estimate": estimate(row),
            **_ratios_to_real(row),
        }
        for row in found
    ]


def response_tables(rows: list[Row]) -> list[dict[str, Any]]:
    """One table per extractor and fold: response of each distance to each corruption."""
    found = pooled(select(rows, metric=RESPONSES))
    tables = []
    for extractor, fold in dict.fromkeys((row["extractor"], row["fold"]) for row in found):
        own = select(found, extractor=extractor, fold=fold)
        metrics = [name for name in DISTANCES if select(own, metric=f"{name}_response")]
        corruptions = dict.fromkeys(row["versus"] for row in own if row["versus"])
        if not corruptions:
            continue  # the extractor is absent: the distances themselves say so
        columns = {"corruption": TEXT} | {wording.metric_name(name): NUMBER for name in metrics}
        body = [[name, *(_response(own, metric, name) for metric in metrics)] for name in corruptions]
        tables.append(
            {
                "extractor": extractor or "",
                "fold": fold,
                "n": max((row["n"] or 0) for row in own),
                "table": make_table("Response of the distances to known corruptions", columns, body),
            }
        )
    return tables


def _compared_table(lines: list[dict[str, Any]]) -> dict[str, Any]:
    columns = {
        "distance": TEXT,
        "generator": TEXT,
        "corruption of real cines": TEXT,
        "generator is": TEXT,
        "ratio to corrupted (CI)": TEXT,
        "generator, ratio to real-versus-real": NUMBER,
        "corrupted, ratio to real-versus-real": NUMBER,
        "n": NUMBER,
    }
    body = [
        [
            line["metric"],
            {"text": line["generator"], "aside": line["run"]},
            line["control"],
            line["word"] or None,
            line["estimate"],
            number(line["own"], 2),
            number(line["theirs"], 2),
            line["estimate"]["n"],
        ]
        for line in lines
    ]
    return make_table("Generators compared with corrupted real cines", columns, body)


def _response(rows: list[Row], metric: str, corruption: str) -> dict[str, Any]:
    row = next(iter(select(rows, metric=f"{metric}_response", versus=corruption)), None)
    cell = signed({**estimate(row), "places": 1})
    # By the decimals shown: a grey 2.0 would contradict "below 2".
    muted = cell["value"] is not None and abs(round(cell["value"], 1)) < DETECTED
    return {**cell, "muted": muted}


def _word(row: Row) -> str:
    """Closer, farther or not different, by the interval of the ratio; empty if not measured."""
    if row["value"] is None:
        return ""
    if row["ci_high"] < 1:
        return "closer"
    return "farther" if row["ci_low"] > 1 else "not different"


def _ratios_to_real(row: Row) -> dict[str, float | None]:
    """Both distances as ratios to real-versus-real; the row has it as a ratio to the corrupted cines."""
    if row["value"] is None or not row["floor"] > 0:
        return {"own": None, "theirs": None}
    return {"own": row["value"] / row["floor"], "theirs": 1 / row["floor"]}


SECTION = Section(
    title="Metric sensitivity: response to known corruptions",
    menu="Sensitivity",
    order=100,
    content=metric_sensitivity,
    shows=shows_metrics(*RESPONSES, *CORRUPTED),
)
