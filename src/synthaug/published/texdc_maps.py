"""Figure 4 of TexDC: attention of the text-driven generators to words, and every generator's subjects among real ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.core.artifacts import read_tsv
from synthaug.measures.attention import Example
from synthaug.measures.attention_examples import read_examples
from synthaug.measures.feature_maps import KINDS, NEIGHBOURS
from synthaug.report.plots import images, synthesis
from synthaug.tables.schema import read_rows


def attention_and_maps(files: Mapping[str, Mapping[str, Path]], folder: Path) -> list[str]:
    """Draw both parts of the figure.

    Parameters
    ----------
    files : mapping of str to mapping of str to Path
        Generator -> ``attention`` (examples; of those that read sentences), ``points`` (its map) and ``mixing`` (rows
        about the map), as far as the study has them -> file.
    folder : Path
        Receives the pictures.

    Returns
    -------
    list of str
        Lines of the page.
    """
    lines = ["", "## (a) Attention to words, at end-diastole, a quarter and half of the cycle"]
    attentive = {generator: own["attention"] for generator, own in files.items() if "attention" in own}
    if not attentive:
        lines += ["", "Not measured: it needs a generator of kind `text_driven` and `evaluation.attention`."]
    for generator, path in attentive.items():
        lines += ["", f"### {generator}", "", *_attention(generator, path, folder)]
    lines += ["", "## (b) Real training subjects and those of each generator, by their features (t-SNE)", ""]
    mapped = {generator: own for generator, own in files.items() if "points" in own}
    if not mapped:
        return [*lines, "Not measured: it needs an extractor (`evaluation.extractors`)."]
    return [*lines, *_maps(mapped, folder)]


def _attention(generator: str, path: Path, folder: Path) -> list[str]:
    examples = [one for one in read_examples(path) if one.kind == "attention"]
    if not examples:
        return ["No sample has a map of a word and the region that it names."]
    picture = f"{generator}-attention.png"
    (folder / picture).write_bytes(images.heat_montage([_row(example) for example in examples]))
    rows = [
        f"- row {number}: *{example.word}*, {example.subject}"
        for number, example in enumerate(examples, start=1)
    ]
    return [f"![Attention at end-diastole, a quarter and half of the cycle]({picture})", "", *rows]


def _row(example: Example) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    frames = (0, len(example.image) // 4, len(example.image) // 2)
    return [(example.image[t], example.heat[t], example.region[t]) for t in frames]


def _maps(mapped: Mapping[str, Mapping[str, Path]], folder: Path) -> list[str]:
    """A table of pictures: a generator a row, temporal and spatial features side by side."""
    rows = {generator: read_rows(own["mixing"]) for generator, own in mapped.items()}
    extractors = pd.concat(rows.values())["extractor"].dropna().unique()
    cells = []
    for generator, own in mapped.items():
        points = read_tsv(own["points"], ("subject",))
        pictures = [
            _map(generator, kind, points[points["kind"] == kind], rows[generator], folder) for kind in KINDS
        ]
        cells.append(f"| {generator} | {' | '.join(pictures)} |")
    return [
        *(f"Extractor: {extractor}." for extractor in extractors),
        "",
        "- **Joint**: within one map, real training subjects and the subjects of one generator are embedded together.",
        "- **Not joint**: each map is a t-SNE of its own. Axes and places of one map say nothing of another; the real subjects are "
        "the same everywhere and lie elsewhere in each map.",
        "- **Comparable between generators**: the mixing of neighbours, counted in the feature space. It is the share of the other set "
        f"among the {NEIGHBOURS} nearest neighbours over that by chance: 1 mixed as by chance, 0 apart (docs/metrics.md).",
        "",
        "| generator | " + " | ".join(f"{kind} features" for kind in KINDS) + " |",
        "|---" * (1 + len(KINDS)) + "|",
        *cells,
    ]


def _map(generator: str, kind: str, points: pd.DataFrame, rows: pd.DataFrame, folder: Path) -> str:
    """A map with the number below it, and as a cell of the table; of a map that was not made, why."""
    about = rows[rows["metric"] == f"mixing_{kind}"]
    if points.empty:
        notes = about["note"].dropna()
        return (
            f"not mapped: {notes.iloc[0]}"
            if len(notes)
            else "not mapped: the extractor knows no such features"
        )
    number = "".join(f"mixing of neighbours {row.value:.2f}, n {row.n}" for row in about.itertuples())
    picture = f"{generator}-{kind}.svg"
    svg = synthesis.feature_map(points, f"{number}; axes of this map alone")
    (folder / picture).write_text(svg, encoding="utf-8")
    return f"![{generator} by {kind} features]({picture})<br>{number}"
