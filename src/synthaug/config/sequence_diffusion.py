"""Settings of the diffusion model of the next frame."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from synthaug.config.autoencoders import AUTOENCODER_KINDS
from synthaug.config.conditions import ScalarCondition
from synthaug.config.latent_models import CONDITIONS_TEXT, LatentDiffusionSettings, check_heads
from synthaug.config.training import TrainingSettings


class SequenceDiffusionSettings(LatentDiffusionSettings):
    """Diffusion model of the next frame's latent, given those of all frames before it."""

    implementation: ClassVar[str] = "synthaug.models.sequence_diffusion:SequenceDiffusion"
    role_kinds: ClassVar = {"autoencoder": AUTOENCODER_KINDS}

    kind: Literal["sequence_diffusion"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field({"autoencoder": "autoencoder"}, description="The autoencoder, by name.")
    width: int = Field(64, ge=8, description="Features of a voxel of the sequence encoder.")
    depth: int = Field(2, ge=1, description="Blocks of the sequence encoder.")
    heads: int = Field(4, ge=1, description="Attention heads of the sequence encoder; they divide the width.")
    frames_drawn: int = Field(
        4,
        ge=1,
        description="Latent frames of a cine that are predicted in one training item, at random places.",
    )
    missing: float = Field(
        0.5,
        ge=0,
        le=1,
        description=(
            "Frames before are hidden in training with a probability that is uniform between 0 and this for each cine."
        ),
    )
    drop_sequence: float = Field(
        0.1, ge=0, lt=1, description="Probability in training that all frames before are hidden."
    )
    sequence_noise: float = Field(
        0.1,
        ge=0,
        description=(
            "Standard deviation of the noise on the frames before in training, in standard deviations of the latents; "
            "against the drift of frames drawn after drawn ones."
        ),
    )
    conditions: tuple[ScalarCondition, ...] = Field(
        ("diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "n_slices", "es_phase"),
        description=CONDITIONS_TEXT,
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=4000, batch_size=4, learning_rate=1e-3), description="Optimisation."
    )

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> SequenceDiffusionSettings:
        check_heads(self.width, self.heads)
        return self
