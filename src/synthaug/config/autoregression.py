"""Settings of the autoregressive models of tokens and of codes."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from synthaug.config.autoencoders import AUTOENCODER_KINDS
from synthaug.config.conditions import ScalarCondition
from synthaug.config.latent_models import (
    CONDITIONS_TEXT,
    ConditionedLatentsSettings,
    DiffusionObjectiveSettings,
    Patch,
    check_heads,
)
from synthaug.config.training import TrainingSettings


class MaskedAutoregressionSettings(ConditionedLatentsSettings, DiffusionObjectiveSettings):
    """Masked autoregressive transformer of whole cines' latents with a token diffusion loss."""

    implementation: ClassVar[str] = "synthaug.models.masked_autoregression:MaskedAutoregression"
    role_kinds: ClassVar = {"autoencoder": AUTOENCODER_KINDS}

    kind: Literal["masked_autoregression"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field({"autoencoder": "autoencoder"}, description="The autoencoder, by name.")
    patch: Patch = Field(
        (4, 2, 2), description="Latent frames, rows and columns of a token; a token never holds two slices."
    )
    width: int = Field(256, ge=8, description="Features of a token in the transformer.")
    encoder_depth: int = Field(
        4, ge=1, description="Blocks of the encoder, which sees known tokens and the buffer."
    )
    decoder_depth: int = Field(
        4, ge=1, description="Blocks of the decoder, which sees mask tokens beside them."
    )
    heads: int = Field(4, ge=1, description="Attention heads; they divide the width.")
    buffer: int = Field(
        16,
        ge=1,
        description="Learned tokens, each with the sum of all conditions, beside one token of each condition.",
    )
    smallest_mask_ratio: float = Field(
        0.7,
        gt=0,
        lt=1,
        description="Lower end of the ratio of masked tokens in training: normal (1, 0.25), truncated to this and 1.",
    )
    head_width: int = Field(
        256,
        ge=8,
        description="Features of the perceptron that denoises single tokens; with `objective: epsilon`, more than the "
        "values of a token, whose noise it must carry.",
    )
    head_depth: int = Field(3, ge=1, description="Residual blocks of that perceptron.")
    draws: int = Field(
        4, ge=1, description="Draws of diffusion time and noise of each masked token in a training step."
    )
    conditions: tuple[ScalarCondition, ...] = Field(
        ("diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "n_slices", "es_phase"),
        description=CONDITIONS_TEXT,
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=4000, batch_size=8, learning_rate=5e-4, warmup_iterations=200),
        description="Optimisation.",
    )

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> MaskedAutoregressionSettings:
        check_heads(self.width, self.heads)
        return self


class VQAutoregressionSettings(ConditionedLatentsSettings):
    """Causal transformer of whole cines' codes, each predicted from those before it."""

    implementation: ClassVar[str] = "synthaug.models.vq_autoregression:VQAutoregression"
    role_kinds: ClassVar = {"autoencoder": ("vq_autoencoder",)}

    kind: Literal["vq_autoregression"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field(
        {"autoencoder": "autoencoder"}, description="The `vq_autoencoder` whose codes are predicted, by name."
    )
    width: int = Field(256, ge=8, description="Features of a token.")
    depth: int = Field(8, ge=1, description="Blocks of the transformer.")
    heads: int = Field(4, ge=1, description="Attention heads; they divide the width.")
    conditions: tuple[ScalarCondition, ...] = Field(
        ("diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "n_slices", "es_phase"),
        description=CONDITIONS_TEXT,
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=4000, batch_size=8, learning_rate=5e-4, warmup_iterations=200),
        description="Optimisation.",
    )

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> VQAutoregressionSettings:
        check_heads(self.width, self.heads)
        return self
