"""Sentences of a study: what they are written from, and which models read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from synthaug.config.base import Settings

#: Kinds of models that turn sentences into features.
TEXT_ENCODER_KINDS = ("text_encoder", "clip_text")

#: AHA segments with a wall thickness.
SEGMENTS = tuple(range(1, 17))
#: Phenotypes that sentences speak of beside what a cohort's table has anyway.
WALL_PHENOTYPES = (
    "wall_thickness_max_ed_mm",
    *(f"wall_thickness_aha{segment:02d}_ed_mm" for segment in SEGMENTS),
    *(f"wall_thickening_aha{segment:02d}" for segment in SEGMENTS),
)


class TextSettings(Settings):
    """Sentences that models read, where a model of the study has a text encoder."""

    wall: bool = Field(
        True,
        description=(
            "Measure wall thickness and thickening of the real subjects, so that their sentences speak of hypertrophy "
            "and of regional wall motion."
        ),
    )
    requested: Literal["held_out", "training"] = Field(
        "held_out",
        description=(
            "Wordings of requested sentences: `held_out`: those that no training sentence has; `training`: the same as "
            "in training. Sentences of a table of requests stay as they are."
        ),
    )


def reads_text(names: Iterable[str], models: Mapping[str, Any]) -> bool:
    """Whether any of these models, or of those that they build on, is a text encoder."""
    waiting, seen = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in models:
            continue
        seen.add(name)
        if models[name].kind in TEXT_ENCODER_KINDS:
            return True
        waiting += models[name].needs.values()
    return False
