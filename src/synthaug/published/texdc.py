"""Tables 1 and 2 of TexDC."""

from __future__ import annotations

from typing import cast

from synthaug.config.study import StudySettings
from synthaug.config.text_models import TextAlignmentSettings, TextDiffusionSettings
from synthaug.published.base import Column, Part, PublishedTable, Variants

_PAPER = "Liu et al., TexDC: text-driven disease-aware 4D cardiac cine MRI images generation"
_DATA = (
    "over 1,700 sequences of two hospitals, ACDC, M&Ms and the Data Science Bowl, 25 x 9 x 224 x 224; features of "
    "networks that the paper names in part only"
)

_FID = Column("FID", "fid")
_FVD = (Column("FVD-T", "fvd_t"), Column("FVD-S", "fvd_s"))
_ALIGNED, _ATTENDING = "with pre-alignment", "with TAM and SAM"


def variants(study: StudySettings) -> Variants | None:
    """The first text-driven generator with every part that Table 1 leaves out, and the study's other text-driven ones.

    One that differs in a single part of Table 1 is that line of the paper; one that differs in none (another start, another
    sampler), or in several, is no line of it.
    """
    made = {
        name: _made_of(study, name) for name, own in study.generators.items() if own.kind == "text_driven"
    }
    full = next((name for name, (_, lacking) in made.items() if not lacking), None)
    if full is None or len(made) < 2:
        return None
    contexts = made[full][0]
    lines: dict[str, tuple[str, str] | None] = {}
    for name, (own, lacking) in made.items():
        differing = list(lacking)
        if own is not None and own != contexts:
            differing.append((f"M = {own}", f"M = {contexts}"))
        if name != full:
            lines[name] = differing[0] if len(differing) == 1 else None
    return Variants(full, lines)


def _made_of(study: StudySettings, generator: str) -> tuple[int | None, list[tuple[str, str]]]:
    """Number of context vectors, None without an alignment, and the parts that a generator lacks: line without it, line with it."""
    diffusion = cast(TextDiffusionSettings, study.models[study.generators[generator].needs["diffusion"]])
    lacking = []
    contexts = None
    if "alignment" in diffusion.needs:
        alignment = cast(TextAlignmentSettings, study.models[diffusion.needs["alignment"]])
        contexts = alignment.contexts
        lacking += [("without L_DA", _ALIGNED)] if not alignment.local_weight else []
        lacking += [("without L_expl", _ALIGNED)] if not alignment.relevance_weight else []
    else:
        lacking.append(("without pre-alignment", _ALIGNED))
    lacking += [("without TAM", _ATTENDING)] if not diffusion.temporal else []
    lacking += [("without SAM", _ATTENDING)] if not diffusion.slice_aware else []
    return contexts, lacking


TABLES = (
    PublishedTable(
        "texdc_table1",
        "Ablations: learnable context vectors (M), pre-alignment, temporal-aware (TAM) and slice-aware (SAM) attention",
        _PAPER,
        _DATA,
        # The paper prints no FVD here; TAM is for coherence in time, SAM for that of slices.
        (Part("generators", (_FID, Column("F4D", "f4d"), *_FVD, Column("CLIPSIM", "clipsim"))),),
        variants=variants,
    ),
    PublishedTable(
        "texdc_table2",
        "Comparison with sequence-aware autoregression, deformation between ED and ES, and 3D diffusion without time",
        _PAPER,
        _DATA,
        (Part("generators", (_FID, *_FVD)),),
    ),
)
