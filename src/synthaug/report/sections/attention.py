"""Attention: where text-driven generators look at a word, over the cine and in numbers."""

from __future__ import annotations

from typing import Any

from synthaug.measures.attention import CHANCE, EXCESS, METRICS
from synthaug.measures.attention_by_class import CLASS_METRICS
from synthaug.measures.attention_examples import read_examples, read_points
from synthaug.report.inputs import SyntheticRun
from synthaug.report.plots import images, synthesis
from synthaug.report.rows import by_synthetic_run, estimate, pooled, select, shows_metrics
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table
from synthaug.tables import Row

ATTENTION = tuple(
    metric + suffix for metric in (*METRICS, *CLASS_METRICS.values()) for suffix in ("", CHANCE, EXCESS)
)
_COLUMNS = {
    "word": TEXT,
    "region": TEXT,
    "n": NUMBER,
    "attention in the region": NUMBER,
    "even map": NUMBER,
    "difference (CI)": TEXT,
    "largest in the region": NUMBER,
    "even map ": NUMBER,
    "difference (CI) ": TEXT,
}
_BY_CLASS = {
    "word": TEXT,
    "n": NUMBER,
    "by chance": NUMBER,
    "nearest map": NUMBER,
    "difference (CI)": TEXT,
    "nearest image": NUMBER,
    "difference (CI) ": TEXT,
}


def attention(data: ReportData) -> dict[str, Any]:
    """A table and pictures of each generator and fold."""
    tables = []
    for keys, found in by_synthetic_run(pooled(select(data.rows, metric=METRICS[0]))):
        own = pooled(select(data.rows, metric=ATTENTION, **keys))
        tables.append(
            {
                **keys,
                "table": make_table("Attention to words", _COLUMNS, [_line(own, row) for row in found]),
                "picture": _picture(data, keys),
                "by_class": make_table(
                    "Nearest map or image of the same diagnosis", _BY_CLASS, _by_class(own)
                ),
                "panels": _panels(data, keys),
            }
        )
    reason = "" if tables else "the study measures no attention (`evaluation.attention`)"
    return {"reason": reason, "tables": tables}


def _line(rows: list[Row], row: Row) -> list[Cell]:
    cells: list[Cell] = [row["target"], str(row["note"]).removeprefix("region: "), row["n"]]
    for metric in METRICS:
        value, chance, excess = (
            next(iter(select(rows, metric=metric + suffix, target=row["target"])), None)
            for suffix in ("", CHANCE, EXCESS)
        )
        # The note says the region, which has a column of its own.
        cells += [_share(value), _share(chance), estimate(excess and {**excess, "note": ""})]
    return cells


def _by_class(rows: list[Row]) -> list[list[Cell]]:
    """A line of each word whose maps were compared by diagnosis."""
    lines = []
    for row in select(rows, metric=CLASS_METRICS["attention"]):
        cells: list[Cell] = [row["target"], row["n"]]
        for metric in CLASS_METRICS.values():
            value, chance, excess = (
                next(iter(select(rows, metric=metric + suffix, target=row["target"])), None)
                for suffix in ("", CHANCE, EXCESS)
            )
            if len(cells) == 2:
                cells.append(_share(chance))
            cells += [_share(value), estimate(excess)]
        lines.append(cells)
    return lines


def _panels(data: ReportData, keys: dict[str, Any]) -> list[dict[str, str]]:
    """The samples by their maps of the first word that has any, and by their images."""
    run = _run(data, keys)
    points = read_points(run.attention) if run and run.attention else None
    if points is None or points.empty:
        return []
    word = points["word"].iloc[0]
    panels = []
    for kind, title in (("attention", f"Maps of {word}"), ("image", "Images of the same samples")):
        own = points[(points["word"] == word) & (points["kind"] == kind)]
        name = "attention-{generator}-{fold}-{generator_seed}".format(**keys)
        alt = f"{title} of {len(own)} samples by diagnosis, t-SNE"
        panels.append(data.draw(f"{name}-{kind}", synthesis.map_by_class(own), title, alt))
    return panels


def _run(data: ReportData, keys: dict[str, Any]) -> SyntheticRun | None:
    return next(
        (
            run
            for run in data.inputs.synthetic
            if run.attention and all(getattr(run, key) == value for key, value in keys.items())
        ),
        None,
    )


def _share(row: Row | None) -> str | None:
    return None if row is None or row["value"] is None else f"{row['value']:.2f}"


def _picture(data: ReportData, keys: dict[str, Any]) -> dict[str, str] | None:
    """Examples of each word: end-diastole, a quarter and half of the cycle."""
    run = _run(data, keys)
    examples = read_examples(run.attention) if run and run.attention else []
    if not examples:
        return None
    rows = []
    for example in examples[:: max(len(examples) // 8, 1)][:8]:
        frames = (0, len(example.image) // 4, len(example.image) // 2)
        rows.append([(example.image[t], example.attention[t], example.region[t]) for t in frames])
    name = "attention-{generator}-fold-{fold}-{generator_seed}.png".format(**keys)
    (data.assets / name).write_bytes(images.heat_montage(rows))
    said = "; ".join(
        f"row {number}: {example.word}, {example.subject}"
        for number, example in enumerate(examples[:: max(len(examples) // 8, 1)][:8], start=1)
    )
    return {
        "file": name,
        "alt": "Attention over the middle slice of its region, at three frames",
        "said": said,
    }


SECTION = Section(
    title="Attention: where a word is looked at",
    menu="Attention",
    order=147,
    content=attention,
    shows=shows_metrics(*ATTENTION),
)
