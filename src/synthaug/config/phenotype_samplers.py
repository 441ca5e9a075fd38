"""Settings of models of the joint distribution of phenotypes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from synthaug.config.conditions import CATEGORIES, ScalarCondition
from synthaug.config.training import TrainableSettings, TrainingSettings


class PhenotypeSamplerSettings(TrainableSettings):
    """What all models of phenotypes have in common."""

    #: Whether requests can be drawn from models of this kind (`synthesis.requests.sampler`).
    samples_phenotypes: ClassVar[bool] = True

    phenotypes: tuple[ScalarCondition, ...] = Field(
        min_length=2,
        description=(
            "Phenotypes that are modelled: names of docs/phenotypes.md, or numeric columns of the cohort's table or of a table "
            "of phenotypes. What follows from others among them is computed from them."
        ),
    )
    diagnosis: bool = Field(
        True,
        description="Model the phenotypes of each diagnosis; `false`: of all patients together, and requests leave the "
        "diagnosis open.",
    )

    @field_validator("phenotypes")
    @classmethod
    def _are_numbers(cls, phenotypes: tuple[str, ...]) -> tuple[str, ...]:
        for name in phenotypes:
            if name in (*CATEGORIES, "n_slices"):
                raise ValueError(f"{name!r} is no phenotype; requests take it from the training subjects")
        if len(set(phenotypes)) < len(phenotypes):
            raise ValueError("a phenotype is listed twice; list each once")
        return phenotypes


class PhenotypeVAESettings(PhenotypeSamplerSettings):
    """Variational autoencoder of the phenotypes of a heart."""

    implementation: ClassVar[str] = "synthaug.models.phenotype_vae:PhenotypeVAE"
    least_batch: ClassVar[int] = 2

    kind: Literal["phenotype_vae"] = Field(description="Kind of model.")
    widths: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (128, 128, 128),
        min_length=1,
        description="Features of the hidden layers; the decoder has them in reverse.",
    )
    latent_size: int = Field(32, ge=1, description="Length of the latent vector.")
    beta: float = Field(0.01, ge=0, description="Weight of the KL divergence, summed over the latent vector.")
    prior: Literal["aggregate", "standard"] = Field(
        "aggregate",
        description=(
            "Distribution of the latent vector in sampling: normal with the training subjects' means by diagnosis and the "
            "covariance around them (`aggregate`), or standard normal."
        ),
    )
    training: TrainingSettings = Field(
        TrainingSettings(
            iterations=2000, batch_size=64, learning_rate=5e-4, weight_decay=0.0, ema_decay=0.99
        ),
        description="Optimisation; 400 epochs are 400 x subjects / batch_size iterations (2000: 320 subjects).",
    )


class PhenotypeCopulaSettings(PhenotypeSamplerSettings):
    """Gaussian copula of the phenotypes of a heart with smoothed empirical marginals; fitted in closed form."""

    implementation: ClassVar[str] = "synthaug.models.phenotype_copula:PhenotypeCopula"

    kind: Literal["phenotype_copula"] = Field(description="Kind of model.")
    smoothing: float = Field(
        1.0,
        gt=0,
        le=2,
        description="Width of the kernel that smooths the marginals, in multiples of Silverman's bandwidth.",
    )
    least_subjects: int = Field(
        8,
        ge=2,
        description="Subjects of a diagnosis with a known value below which the marginal is that of all diagnoses.",
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=1, batch_size=256, warmup_iterations=0),
        description="Not used but for `batch_size`, the subjects on which the likelihood in the record is measured.",
    )
