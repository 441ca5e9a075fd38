"""Figures 4 and 5 of TexDC from a study's own text-driven generators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from synthaug.core.artifacts import atomic_folder, read_tsv
from synthaug.core.errors import SynthaugError
from synthaug.data.cohort import Cohort
from synthaug.measures.attention import Example
from synthaug.measures.attention_examples import read_examples
from synthaug.metrics.volumes import volume_curve_ml
from synthaug.report.plots import images, synthesis

_PAPER = "Liu et al., TexDC: text-driven disease-aware 4D cardiac cine MRI images generation"
_SUBJECTS = 4  # of each generator in figure 5
_FRAMES = 6

#: Files of every generator by what they are: what a figure is drawn from.
Files = Mapping[str, Mapping[str, Path]]


def attention_and_maps(files: Files, folder: Path) -> list[str]:
    """Figure 4: attention of every generator to words, and its subjects among real ones (t-SNE)."""
    lines = []
    for generator, own in files.items():
        lines += ["", f"## {generator}", ""]
        if examples := [one for one in read_examples(own["attention"]) if one.kind == "attention"]:
            picture = f"{generator}-attention.png"
            (folder / picture).write_bytes(images.heat_montage([_row(example) for example in examples]))
            lines.append(f"![Attention at end-diastole, a quarter and half of the cycle]({picture})")
            lines += [
                f"- row {number}: *{example.word}*, {example.subject}"
                for number, example in enumerate(examples, start=1)
            ]
        for kind, points in read_tsv(own["points"], ("subject",)).groupby("kind", sort=False):
            picture = f"{generator}-{kind}.svg"
            (folder / picture).write_text(synthesis.feature_map(points), encoding="utf-8")
            lines.append(f"![Real and synthetic subjects by {kind} features, t-SNE]({picture})")
    return lines


def motion(files: Files, folder: Path) -> list[str]:
    """Figure 5: the middle slice over the cycle with the contours of the masks, and LV volume curves of short axes."""
    lines = []
    for generator, own in files.items():
        cohort = Cohort.open(own["cohort"])
        shown = cohort.subjects[:_SUBJECTS]
        lines += ["", f"## {generator}", ""]
        if not shown:
            lines.append("No sample passed quality control.")
            continue
        rows, curves = [], []
        for subject in shown:
            cine, labels = cohort.cine(subject), cohort.label_cine(subject)
            middle = cine.shape[1] // 2
            frames = np.arange(_FRAMES) * len(cine) // _FRAMES
            rows.append([(cine[frame, middle], labels[frame, middle]) for frame in frames])
            volumes = volume_curve_ml(labels, "LV", cohort.spacing_mm)
            cycle = np.arange(len(volumes)) / len(volumes)
            curves.append(
                pd.DataFrame({"kind": "synthetic", "subject": subject, "cycle": cycle, "volume_ml": volumes})
            )
        (folder / f"{generator}-cycle.png").write_bytes(images.montage(rows))
        lines.append(f"![Middle slice at {_FRAMES} frames of {len(shown)} subjects]({generator}-cycle.png)")
        if not cohort.has_volumes:
            continue
        table = pd.concat(curves)
        limits = (0.0, 1.05 * float(table["volume_ml"].max()) + 1)
        svg = synthesis.volume_curves(table, "LV volume (mL)", limits)
        (folder / f"{generator}-volumes.svg").write_text(svg, encoding="utf-8")
        lines.append(f"![LV volume over the cycle]({generator}-volumes.svg)")
    return lines


#: Figure -> its title, and how it is drawn; what from, `synthaug.published.figures.FIGURES` says.
_DRAWN: Mapping[str, tuple[str, Callable[[Files, Path], list[str]]]] = {
    "texdc_figure4": ("Attention to words, and subjects by feature", attention_and_maps),
    "texdc_figure5": ("Middle slices over the cycle, and volume curves", motion),
}


def write_published_figure(name: str, files: Files, output: Path) -> None:
    """Draw a figure of the paper from a study's own generators.

    Parameters
    ----------
    name : str
        Name in `synthaug.published.figures.FIGURES`.
    files : mapping of str to mapping of str to Path
        Generator -> what the figure is drawn from -> file or folder.
    output : Path
        Folder to write, whole or not at all: pictures, and ``figure.md`` that shows them.

    Raises
    ------
    SynthaugError
        There is no generator to show.
    """
    title, draw = _DRAWN[name]
    if not files:
        raise SynthaugError(
            f"{name}: the study has no text_driven generator that it could show; declare one, and for figure 4 "
            "evaluation.attention and an extractor"
        )
    with atomic_folder(output) as folder:
        number = name.partition("_figure")[2]
        head = [f"# {title}", "", f"After figure {number} of: {_PAPER}. All pictures are of this study."]
        (folder / "figure.md").write_text("\n".join([*head, *draw(files, folder), ""]), encoding="utf-8")


def _row(example: Example) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    frames = (0, len(example.image) // 4, len(example.image) // 2)
    return [(example.image[t], example.heat[t], example.region[t]) for t in frames]
