"""Attention: where text-driven generators look at a word, over the cine and in numbers."""

from __future__ import annotations

from typing import Any

from synthaug.measures.attention import CHANCE, EXCESS, METRICS
from synthaug.measures.attention_examples import read_examples
from synthaug.report.plots import images
from synthaug.report.rows import by_synthetic_run, estimate, pooled, select, shows_metrics
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table
from synthaug.tables import Row

ATTENTION = tuple(metric + suffix for metric in METRICS for suffix in ("", CHANCE, EXCESS))
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


def _share(row: Row | None) -> str | None:
    return None if row is None or row["value"] is None else f"{row['value']:.2f}"


def _picture(data: ReportData, keys: dict[str, Any]) -> dict[str, str] | None:
    """Examples of each word: end-diastole, a quarter and half of the cycle."""
    runs = [
        run
        for run in data.inputs.synthetic
        if run.attention and all(getattr(run, key) == value for key, value in keys.items())
    ]
    examples = read_examples(runs[0].attention) if runs and runs[0].attention else []
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
