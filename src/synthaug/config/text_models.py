"""Settings of the alignment of words with cines, and of diffusion given words."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from synthaug.config.autoencoders import AUTOENCODER_KINDS
from synthaug.config.conditions import ScalarCondition
from synthaug.config.geometry import GeometrySettings
from synthaug.config.latent_models import CONDITIONS_TEXT, LatentDiffusionSettings, check_heads
from synthaug.config.text import TEXT_ENCODER_KINDS
from synthaug.config.training import TrainableSettings, TrainingSettings

#: Latent frames, slices, rows and columns of a token.
StackPatch = tuple[
    Annotated[int, Field(ge=1)],
    Annotated[int, Field(ge=1)],
    Annotated[int, Field(ge=1)],
    Annotated[int, Field(ge=1)],
]


_PARAPHRASES = "Sentences of each encoded copy, of which each step draws one."


class TextAlignmentSettings(TrainableSettings):
    """Disease-aware alignment of the words of a sentence and the tokens of a cine, before generation."""

    implementation: ClassVar[str] = "synthaug.models.text_alignment:TextAlignment"
    role_kinds: ClassVar = {"autoencoder": AUTOENCODER_KINDS, "text": TEXT_ENCODER_KINDS}

    kind: Literal["text_alignment"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field(
        {"autoencoder": "autoencoder", "text": "text"},
        description="The autoencoder whose latents are cut into tokens, and the text encoder, which stays frozen, by name.",
    )
    contexts: int = Field(
        16, ge=0, le=64, description="Learned context vectors M in front of class and sentence."
    )
    patch: StackPatch = Field(
        (2, 1, 2, 2), description="Latent frames, slices, rows and columns of an image token."
    )
    width: int = Field(128, ge=8, description="Features of a token in the space that words and images share.")
    depth: int = Field(1, ge=1, description="Layers of cross-attention in each direction.")
    heads: int = Field(4, ge=1, description="Attention heads; they divide the width.")
    temperature: float = Field(
        0.07, gt=0, description="Temperature of the contrast of tokens, and that of classes at first."
    )
    global_weight: float = Field(1.0, ge=0, description="Weight of the contrast of classes, L_G.")
    local_weight: float = Field(
        1.0, ge=0, description="Weight of the contrast of tokens in both directions, L_DA; 0: without."
    )
    relevance_weight: float = Field(
        0.1,
        ge=0,
        description="Weight of the relevance of class and sentence beside the contexts, L_expl; 0: without.",
    )
    paraphrases: int = Field(4, ge=1, description=_PARAPHRASES)
    augmentation: GeometrySettings = Field(
        default_factory=GeometrySettings, description="Random geometry of the encoded copies."
    )
    copies: int = Field(
        8,
        ge=1,
        description="Versions of each training cine that are encoded before training, the original first.",
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=1000, batch_size=4, learning_rate=5e-4), description="Optimisation."
    )

    @field_validator("needs")
    @classmethod
    def _has_its_roles(cls, needs: dict[str, str]) -> dict[str, str]:
        if set(needs) != {"autoencoder", "text"}:
            raise ValueError("needs exactly the roles 'autoencoder' and 'text'; name a model for each")
        return needs

    @model_validator(mode="after")
    def _can_be_trained(self) -> TextAlignmentSettings:
        check_heads(self.width, self.heads)
        if not (self.global_weight or self.local_weight or self.relevance_weight):
            raise ValueError(
                "all weights are 0, nothing would be learned; to do without alignment, leave this model out"
            )
        if self.relevance_weight and not self.contexts:
            raise ValueError(
                "relevance_weight compares class and sentence with the contexts, of which there are 0; set it to 0"
            )
        return self


class TextDiffusionSettings(LatentDiffusionSettings):
    """Diffusion model of the latents of whole cines, given the words of a sentence."""

    implementation: ClassVar[str] = "synthaug.models.text_diffusion:TextDiffusion"
    role_kinds: ClassVar = {
        "autoencoder": AUTOENCODER_KINDS,
        "text": TEXT_ENCODER_KINDS,
        "alignment": ("text_alignment",),
        "base": ("text_diffusion",),
    }

    kind: Literal["text_diffusion"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field(
        {"autoencoder": "autoencoder", "text": "text"},
        description=(
            "Autoencoder and text encoder, by name; with an `alignment`, its word tokens are the context; with a `base`, "
            "another text_diffusion without temporal and slice_aware, training starts from its weights."
        ),
    )
    temporal: bool = Field(True, description="Temporal-aware attention (TAM): each pixel over the frames.")
    slice_aware: bool = Field(True, description="Slice-aware attention (SAM): each pixel over the slices.")
    freeze_base: bool = Field(
        False,
        description="Train only what the base lacks: temporal-aware and slice-aware attention and their mixing weights.",
    )
    objective: Literal["data", "epsilon", "v", "flow"] = Field(
        "epsilon",
        description=(
            "What the network predicts: the data, the noise, the v of progressive distillation, or the "
            "velocity of rectified flow."
        ),
    )
    schedule: Literal["cosine", "linear", "flow"] = Field(
        "linear",
        description=(
            "Signal and noise over diffusion time; `flow`, the straight path of rectified flow, is the default of "
            "`objective: flow`."
        ),
    )
    paraphrases: int = Field(4, ge=1, description=_PARAPHRASES)
    frames_drawn: int | None = Field(
        None, ge=1, description="Latent frames of a cine in one training item; empty: all."
    )
    conditions: tuple[ScalarCondition, ...] = Field((), description=CONDITIONS_TEXT)
    training: TrainingSettings = Field(
        TrainingSettings(iterations=4000, batch_size=2, learning_rate=5e-4), description="Optimisation."
    )

    @field_validator("needs")
    @classmethod
    def _needs_an_autoencoder(cls, needs: dict[str, str]) -> dict[str, str]:
        if set(needs) | {"alignment", "base"} != {"autoencoder", "text", "alignment", "base"}:
            raise ValueError(
                "needs the roles 'autoencoder' and 'text', and may have 'alignment' and 'base'; name a model for each"
            )
        return needs

    @model_validator(mode="after")
    def _something_is_trained(self) -> TextDiffusionSettings:
        if self.freeze_base and ("base" not in self.needs or not (self.temporal or self.slice_aware)):
            raise ValueError(
                "freeze_base trains temporal and slice_aware attention on a base; name a base among needs and set one "
                "of them, or freeze_base: false"
            )
        return self
