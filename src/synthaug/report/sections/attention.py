"""Attention: where text-driven generators look at a word, and what the word changes, over the cine and in numbers."""

from __future__ import annotations

from typing import Any

from synthaug.measures.attention import KINDS, Example
from synthaug.measures.attention_by_class import CLASS_METRICS
from synthaug.measures.attention_examples import read_examples, read_points
from synthaug.measures.word_regions import CHANCE, EXCESS, MEASURES, SPECIFIC, SUFFIXES
from synthaug.report.inputs import SyntheticRun
from synthaug.report.plots import images, synthesis
from synthaug.report.rows import by_synthetic_run, estimate, pooled, select, shows_metrics
from synthaug.report.section import ReportData, Section
from synthaug.report.table import NUMBER, TEXT, Cell, make_table
from synthaug.tables import Row

#: Metrics of each kind of map: share in the region and pointing.
_METRICS = {kind: tuple(f"{prefix}_{measure}" for measure in MEASURES) for kind, prefix in KINDS.items()}
_TITLES = {"attention": "Attention to words", "effect": "Effect of words on the image"}
_PICTURES = {"attention": "Attention", "effect": "Change of the image without the clauses of the word"}
ATTENTION = tuple(
    metric + suffix for metrics in _METRICS.values() for metric in metrics for suffix in SUFFIXES
) + tuple(metric + suffix for metric in CLASS_METRICS.values() for suffix in ("", CHANCE, EXCESS))
_COLUMNS = {
    "word": TEXT,
    "region": TEXT,
    "n": NUMBER,
    "share in the region": NUMBER,
    "minus an even map (CI)": TEXT,
    "minus other words (CI)": TEXT,
    "largest in the region": NUMBER,
    "minus an even map (CI) ": TEXT,
    "minus other words (CI) ": TEXT,
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
    """Tables and pictures of each generator and fold."""
    tables = []
    for keys, _ in by_synthetic_run(pooled(select(data.rows, metric=_METRICS["attention"][0]))):
        own = pooled(select(data.rows, metric=ATTENTION, **keys))
        every = select(own, metric=_METRICS["attention"][0])
        tables.append(
            {
                **keys,
                "absent": [row["target"] for row in every if not row["n"]],
                "maps": [
                    {
                        "table": make_table(_TITLES[kind], _COLUMNS, _lines(own, metrics)),
                        "picture": _picture(data, keys, kind),
                    }
                    for kind, metrics in _METRICS.items()
                ],
                "by_class": make_table(
                    "Nearest map or image of the same diagnosis", _BY_CLASS, _by_class(own)
                ),
                "panels": _panels(data, keys),
            }
        )
    reason = "" if tables else "the study measures no attention (`evaluation.attention`)"
    return {"reason": reason, "tables": tables}


def _lines(rows: list[Row], metrics: tuple[str, ...]) -> list[list[Cell]]:
    """A line of each word that any sample has a map of."""
    lines = []
    for row in select(rows, metric=metrics[0]):
        if not row["n"]:
            continue
        cells: list[Cell] = [
            row["target"],
            str(row["note"]).removeprefix("region: ").partition(";")[0],
            row["n"],
        ]
        for metric in metrics:
            value, excess, specific = (
                next(iter(select(rows, metric=metric + suffix, target=row["target"])), None)
                for suffix in ("", EXCESS, SPECIFIC)
            )
            cells.append(_share(value))
            # The note says the region, which has a column of its own.
            cells += [
                estimate(found and ({**found, "note": ""} if found["status"] == "ok" else found))
                for found in (excess, specific)
            ]
        lines.append(cells)
    return lines


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


def _picture(data: ReportData, keys: dict[str, Any], kind: str) -> dict[str, str] | None:
    """Examples of each word: end-diastole, a quarter and half of the cycle."""
    run = _run(data, keys)
    found = read_examples(run.attention) if run and run.attention else []
    examples = [example for example in found if example.kind == kind]
    if not examples:
        return None
    shown = _of_each_word(examples, 8)
    rows = []
    for example in shown:
        frames = (0, len(example.image) // 4, len(example.image) // 2)
        rows.append([(example.image[t], example.heat[t], example.region[t]) for t in frames])
    name = "{kind}-{generator}-fold-{fold}-{generator_seed}.png".format(kind=kind, **keys)
    (data.assets / name).write_bytes(images.heat_montage(rows))
    said = "; ".join(
        f"row {number}: {example.word}, {example.subject}" for number, example in enumerate(shown, start=1)
    )
    return {
        "file": name,
        "alt": f"{_PICTURES[kind]} over the middle slice of its region, at three frames",
        "said": said,
    }


def _of_each_word(examples: list[Example], count: int) -> list[Example]:
    """At most `count`, the first of every word before the second of any; in the order of the words."""
    order: dict[str, list[Example]] = {}
    for example in examples:
        order.setdefault(example.word, []).append(example)
    ranked = [
        (place, number, one) for number, own in enumerate(order.values()) for place, one in enumerate(own)
    ]
    chosen = sorted(ranked, key=lambda entry: entry[:2])[:count]
    return [one for _, _, one in sorted(chosen, key=lambda entry: (entry[1], entry[0]))]


SECTION = Section(
    title="Attention: where a word is looked at, and what it changes",
    menu="Attention",
    order=147,
    content=attention,
    shows=shows_metrics(*ATTENTION),
)
