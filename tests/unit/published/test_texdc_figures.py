"""Figures of TexDC from made-up generators: which pictures there are, and what the page says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from made_hearts import made_cohort

from synthaug.core.artifacts import write_tsv
from synthaug.core.errors import SynthaugError
from synthaug.measures.attention import Example
from synthaug.measures.attention_examples import write_examples
from synthaug.published.figures import FIGURES
from synthaug.published.texdc_figures import write_published_figure


def test_attention_and_maps_of_every_generator(tmp_path):
    image = np.full((4, 8, 8), 0.5, np.float32)
    examples = [Example(kind, "s-0", "anterior", image, image, image > 0) for kind in ("attention", "effect")]
    files = {}
    for number, name in enumerate(("texdc", "texdc-no-tam")):
        write_examples(tmp_path / f"{name}.npz", examples[number:])  # none of the second
        points = pd.DataFrame(
            {"kind": ["temporal", "spatial"] * 2, "set": ["real"] * 2 + ["synthetic"] * 2}
        ).assign(subject="s", x=range(4), y=range(4))
        write_tsv(tmp_path / f"{name}.tsv", points)
        files[name] = {"attention": tmp_path / f"{name}.npz", "points": tmp_path / f"{name}.tsv"}
    write_published_figure("texdc_figure4", files, tmp_path / "figure")
    names = sorted(path.name for path in (tmp_path / "figure").iterdir())
    drawn = [f"{name}-{kind}.svg" for name in files for kind in ("spatial", "temporal")]
    assert names == sorted(["figure.md", "texdc-attention.png", *drawn])
    page = (tmp_path / "figure" / "figure.md").read_text()
    assert "- row 1: *anterior*, s-0" in page and all(f"]({name})" in page for name in drawn)


def test_cycles_and_volume_curves_of_every_generator(tmp_path):
    made_cohort(tmp_path / "cohort", "made", 2, "synthetic")
    write_published_figure("texdc_figure5", {"texdc": {"cohort": tmp_path / "cohort"}}, tmp_path / "figure")
    names = sorted(path.name for path in (tmp_path / "figure").iterdir())
    assert names == ["figure.md", "texdc-cycle.png", "texdc-volumes.svg"]
    assert "of 2 subjects" in (tmp_path / "figure" / "figure.md").read_text()


@pytest.mark.parametrize("figure", FIGURES)
def test_a_study_without_such_a_generator_is_told_so(figure, tmp_path):
    with pytest.raises(SynthaugError, match=f"{figure}: the study has no text_driven generator"):
        write_published_figure(figure, {}, tmp_path / "figure")
    assert not (tmp_path / "figure").exists()
