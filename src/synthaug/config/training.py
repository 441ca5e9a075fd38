"""How a model is trained: the part of a model's settings that the training loop reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from synthaug.config.base import Settings
from synthaug.config.paths import PathText

#: Feature channels of each level of a network: a single one is 0 after normalisation over channels.
Channels = tuple[Annotated[int, Field(ge=2)], ...]


class TrainingSettings(Settings):
    """Optimisation of one model."""

    iterations: int = Field(2000, ge=1, description="Optimiser steps.")
    batch_size: int = Field(
        8,
        ge=1,
        description="Training items (subjects) per forward pass; with several GPUs, a multiple of their number.",
    )
    accumulation: int = Field(
        1, ge=1, description="Forward passes whose gradients are averaged into one step."
    )
    learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate of AdamW.")
    warmup_iterations: int = Field(
        50, ge=0, description="Steps over which the learning rate rises from zero."
    )
    final_learning_rate: float = Field(
        0.02,
        ge=0,
        le=1,
        description="Learning rate at the end of the cosine decay, as a fraction of the peak.",
    )
    weight_decay: float = Field(0.01, ge=0, description="Decoupled weight decay.")
    gradient_clip: float = Field(
        1.0, gt=0, description="Largest global gradient norm; larger ones are scaled down."
    )
    ema_decay: float = Field(
        0.995,
        ge=0,
        lt=1,
        description="Decay of the moving average of the weights that is kept; it warms up from 0 over the first steps.",
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto",
        description="Precision of the forward pass (autocast): `auto` is bfloat16 on GPUs with bfloat16, otherwise float32; "
        "`float16`, with scaled gradients, needs a GPU.",
    )
    compile: Literal["auto", "off", "on"] = Field(
        "off",
        description="Compile the networks (`torch.compile`); `auto`: on a GPU with triton and a C compiler.",
    )
    checkpoint_minutes: float = Field(
        10.0,
        gt=0,
        description="Minutes between two checkpoints to resume from: what a hard kill costs at most. A signal to stop is "
        "always answered with one.",
    )


class InitSettings(Settings):
    """Weights that a training starts from."""

    weights: PathText = Field(
        description="`model.safetensors` of the same kind of model, which this or another study wrote, or a folder of "
        "`synthaug export-generator` holds."
    )
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file.")


class TrainableSettings(Settings):
    """Common settings of trainable models; each kind adds its `kind` and sizes."""

    #: Kinds that may fill each role of `needs`; a role that is not named takes any.
    role_kinds: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    #: Items of a batch that each process needs, for means or contrasts over it.
    least_batch: ClassVar[int] = 1

    needs: dict[str, str] = Field(
        default_factory=dict, description="Models this one builds on: role, then name among `models`."
    )
    training: TrainingSettings = Field(default_factory=TrainingSettings, description="Optimisation.")
    init: InitSettings | None = Field(
        None,
        description="Fine-tuning: weights that the training starts from, in place of random ones. Parameters of another "
        "shape, and embeddings of categories that they do not have, start at random and are listed in the log. Weights of "
        "a model of words or phenotypes need the same words, diagnoses and phenotypes. Whom the weights were trained on "
        "counts as seen.",
    )

    @model_validator(mode="after")
    def _batch_is_large_enough(self) -> Self:
        if self.training.batch_size < self.least_batch:
            raise ValueError(f"training.batch_size: a batch needs at least {self.least_batch} subjects")
        return self
