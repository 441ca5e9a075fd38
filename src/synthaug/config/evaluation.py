"""What is measured, with which extractors, and how certain the numbers are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from synthaug.config.base import Settings
from synthaug.config.features import ExtractorSettings


class EvaluationSettings(Settings):
    """Distances, intervals and tests."""

    extractors: dict[str, ExtractorSettings] = Field(
        default_factory=dict,
        description="Feature extractors by name; every distance is measured with each. None: no distances.",
    )
    splits: int = Field(
        20, ge=2, description="Random disjoint splits of the real subjects behind a real-versus-real floor."
    )
    distance_replicates: int = Field(
        200, ge=20, description="Bootstrap replicates (over subjects) of a distance's interval."
    )
    replicates: int = Field(
        2000,
        ge=100,
        description="Bootstrap replicates (over patients, then seeds) of an arm's mean or difference.",
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Coverage of the intervals.")
    family: tuple[Literal["dice", "hd", "hd95", "assd"], ...] = Field(
        ("dice",),
        description=(
            "Metrics whose comparisons with the size-matched controls form the family that Holm's correction "
            "covers; all other comparisons are exploratory and keep their plain p-values."
        ),
    )
    probed_subjects: int = Field(
        24,
        ge=8,
        description=(
            "Real training subjects whose cines are damaged in known ways, to see which distances notice."
        ),
    )
    seed: int = Field(0, ge=0, description="Seed of the splits and of the bootstrap.")

    def model_names(self) -> list[str]:
        """Models that the extractors need trained."""
        return [extractor.model for extractor in self.extractors.values() if extractor.kind == "study"]
