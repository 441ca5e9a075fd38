"""Settings of the diffusion model of whole cines."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from synthaug.config.autoencoders import AUTOENCODER_KINDS
from synthaug.config.conditions import ScalarCondition
from synthaug.config.latent_models import CONDITIONS_TEXT, LatentDiffusionSettings
from synthaug.config.training import TrainingSettings


class CineDiffusionSettings(LatentDiffusionSettings):
    """Diffusion model of the latents of all slices and frames at once."""

    implementation: ClassVar[str] = "synthaug.models.cine_diffusion:CineDiffusion"
    role_kinds: ClassVar = {"autoencoder": AUTOENCODER_KINDS}

    kind: Literal["cine_diffusion"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field({"autoencoder": "autoencoder"}, description="The autoencoder, by name.")
    network: Literal["unet", "factorised_unet", "transformer"] = Field(
        "unet",
        description=(
            "`unet` stacks the slices on the channels and convolves over time and plane (`channels`, `blocks`); "
            "`factorised_unet` convolves and attends in space and over time in turn (`channels`, `blocks`); "
            "`transformer` attends between all patches of time, depth and plane (`width`, `depth`, `heads`, `patch`)."
        ),
    )
    width: int = Field(256, ge=8, description="Features of a token of the transformer.")
    depth: int = Field(8, ge=1, description="Blocks of the transformer.")
    heads: int = Field(4, ge=1, description="Attention heads of the transformer; they divide the width.")
    patch: tuple[int, int, int] = Field(
        (1, 2, 2), description="Latent frames, rows and columns of a token; a token never holds two slices."
    )
    temporal_flattening: float = Field(
        0.5,
        ge=0,
        le=1,
        description=(
            "Power by which the spectrum of the latents over the cycle is flattened before noise is added: 0 leaves it, "
            "1 makes all harmonics as large."
        ),
    )
    conditions: tuple[ScalarCondition, ...] = Field(
        ("diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "n_slices", "es_phase"),
        description=CONDITIONS_TEXT,
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=4000, batch_size=8, learning_rate=1e-3), description="Optimisation."
    )

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> CineDiffusionSettings:
        if self.width % self.heads or min(self.patch) < 1:
            raise ValueError(
                f"width {self.width} must be a multiple of heads {self.heads}, and patch of positive sizes"
            )
        return self
