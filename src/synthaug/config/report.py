"""What the report shows: which metric decides, and how many examples are drawn."""

from __future__ import annotations

from pydantic import Field

from synthaug.config.base import Settings
from synthaug.config.evaluation import Endpoint


class ReportSettings(Settings):
    """The HTML report of a study."""

    primary_metric: Endpoint = Field(
        "dice", description="Segmentation metric that the verdict and the dose curves speak of."
    )
    cine_pairs: int = Field(
        4, ge=0, le=12, description="Real and synthetic cines shown side by side, a generator."
    )
    cine_slices: int = Field(
        3, ge=1, le=16, description="Slices of each cine that the player can show, from base to apex."
    )
    volume_curves: int = Field(
        6, ge=0, le=24, description="Subjects a generator whose volume-time curves are drawn."
    )
    seed: int = Field(
        0, ge=0, description="Seed of the draw of the examples, so that nobody picks the pretty ones."
    )
