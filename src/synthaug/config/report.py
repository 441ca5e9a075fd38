"""Report: number of examples."""

from __future__ import annotations

from pydantic import Field

from synthaug.config.base import Settings


class ReportSettings(Settings):
    """The HTML report of a study."""

    cine_pairs: int = Field(
        4, ge=0, le=12, description="Pairs of real and synthetic cines shown per generator."
    )
    cine_slices: int = Field(3, ge=1, le=16, description="Slices per cine in the player, from base to apex.")
    volume_curves: int = Field(6, ge=0, le=24, description="Subjects per generator with volume-time curves.")
    seed: int = Field(0, ge=0, description="Seed of the random sample of examples.")
