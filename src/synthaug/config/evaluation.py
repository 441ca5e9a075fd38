"""Distances, intervals and tests of a study."""

from __future__ import annotations

from typing import Annotated, Literal, TypeGuard

from pydantic import Field, field_validator

from synthaug.config.attention import AttentionSettings
from synthaug.config.base import Settings
from synthaug.config.endpoints import Endpoint
from synthaug.config.features import ExtractorSettings, StudyExtractorSettings, StudyTextExtractorSettings
from synthaug.metric_registry import ENDPOINTS, METRICS

_MARGINS = {name: METRICS[name].margin for name in ENDPOINTS}


def is_trained(
    extractor: ExtractorSettings,
) -> TypeGuard[StudyExtractorSettings | StudyTextExtractorSettings]:
    """Whether the study trains the extractor's network itself: a model of its `models`."""
    return isinstance(extractor, StudyExtractorSettings | StudyTextExtractorSettings)


class ContrastSettings(Settings):
    """Several contrasts of one heart: the same request, masks and seed, with another vendor or sequence."""

    column: Literal["vendor", "sequence"] = Field(
        "vendor", description="Condition that the contrasts differ in, a column of the cohort's table."
    )
    values: tuple[str, ...] = Field(
        min_length=2, description="Values of the column; each request is sampled with every one of them."
    )
    subjects: int = Field(
        24,
        ge=2,
        description=(
            "Requests that are sampled in every contrast, and once more with another seed, per generator and fold; the "
            "first ones of the first generator seed."
        ),
    )

    @field_validator("values")
    @classmethod
    def _values_differ(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(values)) < len(values):
            raise ValueError("a value is listed twice; list each contrast once")
        return values


class EvaluationSettings(Settings):
    """Distances, intervals and tests."""

    extractors: dict[str, ExtractorSettings] = Field(
        default_factory=dict,
        description="Feature extractors by name; every distance is measured with each. Empty: no distances.",
    )
    splits: int = Field(
        20, ge=2, description="Random disjoint splits of the real subjects for real-versus-real distances."
    )
    max_synthetic_subjects: int = Field(
        2000,
        ge=50,
        description=(
            "Synthetic subjects that distances, precision, recall, density, coverage, maps of features, mask agreement and "
            "cardiac function use at most: of a larger cohort as many are drawn, and the row says so. Time and memory of "
            "the first are quadratic in it. Memorisation uses all."
        ),
    )
    replicates: int = Field(
        2000,
        ge=100,
        description="Bootstrap replicates (patients, then seeds) of an arm's mean, difference or rank.",
    )
    permutations: int = Field(
        9999, ge=999, description="Random sign flips of a permutation test over more than 12 patients."
    )
    confidence: float = Field(
        0.95,
        gt=0.5,
        lt=1,
        description="Confidence level of the intervals; the level of all tests is 1 - confidence.",
    )
    power: float = Field(
        0.8,
        gt=0.5,
        lt=1,
        description="Power of the smallest detectable difference and of the number of patients needed.",
    )
    equivalence_margin: dict[Endpoint, Annotated[float, Field(gt=0)] | None] = Field(
        _MARGINS,
        description=(
            "Smallest relevant difference, by metric and in its unit: an arm whose differences lie within it by two "
            "one-sided tests is `equivalent`. Metrics left out keep their default; null: no equivalence test."
        ),
    )
    family_level: Literal["pooled", "structure_phase"] = Field(
        "pooled",
        description=(
            "Whether the declared family (`tasks.<name>.family`) holds each arm's comparisons over all structures and "
            "phases, or one for each structure and phase (of a regression, each phenotype); the other level, and every vendor, is "
            "exploratory."
        ),
    )
    mixed_model: bool = Field(
        True, description="Also fit a mixed model to each comparison of the family, up to 600 values."
    )
    sensitivity_subjects: int = Field(
        24,
        ge=8,
        description=(
            "Real training subjects whose cines are corrupted to measure the sensitivity of the distances, and "
            "reconstructed to measure those of an autoencoder."
        ),
    )
    recognition: str | None = Field(
        None,
        description=(
            "A model of kind `patient_recogniser` among `models`: copies are also looked for in its embedding. "
            "None: they are not."
        ),
    )
    contrasts: ContrastSettings | None = Field(
        None,
        description="Consistency of several contrasts of one heart, by SSIM, NMI and NCC. None: it is not measured.",
    )
    attention: AttentionSettings | None = Field(
        None,
        description=(
            "Attention of generators that read sentences (`text_driven`; `mask_guided` on a `text_diffusion`) to words, and "
            "the effect of the words on the image, against the regions they name. None: they are not measured."
        ),
    )
    seed: int = Field(0, ge=0, description="Seed of the splits and of the bootstrap.")

    @field_validator("equivalence_margin")
    @classmethod
    def _keep_other_margins(cls, margins: dict[str, float | None]) -> dict[str, float | None]:
        return _MARGINS | margins

    @property
    def alpha(self) -> float:
        """Level of the tests."""
        return 1 - self.confidence

    def model_names(self) -> list[str]:
        """Models that the extractors and the audit of memorisation need trained."""
        found = [extractor.model for extractor in self.extractors.values() if is_trained(extractor)]
        return [*found, self.recognition] if self.recognition else found
