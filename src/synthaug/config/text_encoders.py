"""Settings of models that turn sentences into features."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from synthaug.config.geometry import GeometrySettings
from synthaug.config.paths import PathText
from synthaug.config.training import TrainableSettings, TrainingSettings


class TextEncoderSettings(TrainableSettings):
    """Word-level transformer, trained contrastively against an encoder of the fold's real training cines."""

    implementation: ClassVar[str] = "synthaug.models.contrastive_text:ContrastiveText"
    least_batch: ClassVar[int] = 2

    kind: Literal["text_encoder"] = Field(description="Kind of model.")
    width: int = Field(128, ge=8, description="Features of a token.")
    depth: int = Field(2, ge=1, description="Blocks of the transformer.")
    heads: int = Field(4, ge=1, description="Attention heads; they divide the width.")
    longest: int = Field(
        128,
        ge=8,
        description="Most words of a sentence, learned ones in front among them; longer ones are cut.",
    )
    embedding: int = Field(64, ge=2, description="Length of the embedding that sentences and images share.")
    channels: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (16, 32, 64),
        min_length=1,
        description="Channels of the image encoder after each halving of the plane.",
    )
    slices_drawn: int = Field(
        4, ge=1, description="Slices of a cine in one training item, spread over the stack."
    )
    frames_drawn: int = Field(
        2, ge=1, description="Frames of a cine in one training item: the end-systolic one, and random ones."
    )
    share_said: float = Field(
        0.8,
        gt=0,
        le=1,
        description="Probability that a known fact is in a training sentence, so that short sentences are understood.",
    )
    paraphrase_weight: float = Field(
        0.5, ge=0, description="Weight of the contrastive loss between two paraphrases of the same facts."
    )
    temperature: float = Field(
        0.1, gt=0, description="Initial divisor of the cosines in the contrastive loss; it is learned."
    )
    augmentation: GeometrySettings = Field(
        GeometrySettings(),
        description="Random geometry of the training cines; sentences are written for the enlarged heart.",
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=1500, batch_size=16, learning_rate=1e-3, ema_decay=0.99),
        description="Optimisation; a batch, and the share of each GPU, must have several subjects, who are told apart.",
    )

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        return self


class ClipTextSettings(TrainableSettings):
    """Text encoder of a CLIP model in a local folder, as `transformers` saves it; it is not trained."""

    implementation: ClassVar[str] = "synthaug.models.clip_text:ClipText"

    kind: Literal["clip_text"] = Field(description="Kind of model.")
    weights: PathText = Field(
        description="Weights in a folder as `transformers` (`model.safetensors`, `config.json`) or `open_clip` (BiomedCLIP: "
        "`open_clip_config.json`) saves a model, with the tokenizer's files beside them. Reading them executes no code, and nothing is downloaded."
    )
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file.")
    training: TrainingSettings = Field(
        TrainingSettings(iterations=1, batch_size=16, warmup_iterations=0),
        description="Not used but for `batch_size`, the subjects on which the contrastive loss in the record is measured.",
    )
