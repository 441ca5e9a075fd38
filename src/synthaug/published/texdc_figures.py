"""Figures 4 to 6 of TexDC from a study's own generators."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from synthaug.core.artifacts import atomic_folder
from synthaug.core.errors import SynthaugError
from synthaug.published.texdc_infarcts import infarcts
from synthaug.published.texdc_maps import attention_and_maps
from synthaug.published.texdc_motion import motion

_PAPER = "Liu et al., TexDC: text-driven disease-aware 4D cardiac cine MRI images generation"
#: Figure -> its title, and what a study without anything to show lacks.
_ABOUT = {
    "texdc_figure4": (
        "Attention to words, and subjects by feature",
        "neither a text_driven generator with evaluation.attention nor a generator with an extractor",
    ),
    "texdc_figure5": ("Slices, surfaces and volumes over the cycle", "no text_driven generator"),
    "texdc_figure6": ("Infarcts in consecutive frames and slices", "no generator"),
}


def write_published_figure(
    name: str,
    files: Mapping[str, Mapping[str, Path]],
    output: Path,
    simulated: Mapping[str, Path] | None = None,
) -> None:
    """Draw a figure of the paper from a study's own generators.

    Parameters
    ----------
    name : str
        Name in `synthaug.published.figures.FIGURES`, which says what each is drawn from.
    files : mapping of str to mapping of str to Path
        Generator -> what the figure is drawn from -> file or folder.
    output : Path
        Folder to write, whole or not at all: pictures, and ``figure.md`` that shows them.
    simulated : mapping of str to Path, optional
        Folders of simulated datasets by name, of figures that show where an infarct was simulated.

    Raises
    ------
    SynthaugError
        There is nothing to show.
    """
    title, lacking = _ABOUT[name]
    if not files:
        raise SynthaugError(f"{name}: the study has {lacking}; declare one")
    with atomic_folder(output) as folder:
        number = name.partition("_figure")[2]
        head = [f"# {title}", "", f"After figure {number} of: {_PAPER}. All pictures are of this study."]
        if name == "texdc_figure4":
            lines = attention_and_maps(files, folder)
        elif name == "texdc_figure5":
            lines = motion(files, folder)
        else:
            lines = infarcts(files, folder, simulated or {})
        (folder / "figure.md").write_text("\n".join([*head, *lines, ""]), encoding="utf-8")
