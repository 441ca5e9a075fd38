"""What the settings of every generator have that is sampled from trained models."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from synthaug.config.base import Settings


class SampledSettings(Settings):
    """What generators have in common that are sampled from trained models; a kind adds its `models`."""

    models: dict[str, str]
    labels: Literal["own", "teacher"] = Field(
        "own",
        description=(
            "Whose masks the arms train on: those the generator decodes (`own`), or those of a `teacher`, the segmenter "
            "trained on the fold's real patients, where the autoencoder has none; the report says so."
        ),
    )

    @property
    def needs(self) -> dict[str, str]:
        """Models by role."""
        return self.models
