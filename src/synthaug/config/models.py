"""Settings of every kind of trainable model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from synthaug.config.base import Settings
from synthaug.config.features import MaskedAutoencoderSettings
from synthaug.config.plugins import PluginModelSettings
from synthaug.config.training import TrainableSettings, TrainingSettings

Condition = Literal["diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "lv_ef", "n_slices", "es_phase"]


class GeometrySettings(Settings):
    """Random in-plane geometry of training cines; never a mirror image, which is another anatomy."""

    shift_voxels: float = Field(3.0, ge=0, description="Largest in-plane shift, in voxels; keeps volumes.")
    rotation_degrees: float = Field(
        10.0, ge=0, le=180, description="Largest in-plane rotation; keeps volumes."
    )
    scale: float = Field(
        0.09, ge=0, lt=0.5, description="Largest relative in-plane scaling; volumes scale with its square."
    )


class AutoencoderSettings(TrainableSettings):
    """Anisotropic variational autoencoder of single frames, with an image and a mask decoder."""

    kind: Literal["autoencoder"] = Field(description="Kind of model.")
    channels: tuple[int, ...] = Field(
        (32, 64, 96),
        min_length=1,
        description="Feature channels a level; each level halves y and x, never z.",
    )
    blocks: int = Field(1, ge=1, description="Residual blocks a level.")
    latent_channels: int = Field(8, ge=1, description="Channels of the latent.")
    labelled_fraction: float = Field(
        0.5,
        ge=0,
        le=1,
        description="How often a labelled frame is drawn from a subject that has one; otherwise any frame.",
    )
    kl_weight: float = Field(1e-3, ge=0, description="Weight of the mean KL divergence per latent element.")
    mask_weight: float = Field(0.3, ge=0, description="Weight of cross-entropy plus soft Dice of the masks.")
    gradient_weight: float = Field(
        0.5, ge=0, description="Weight of the L1 distance of in-plane image gradients."
    )
    augmentation: GeometrySettings = Field(
        default_factory=GeometrySettings, description="Random geometry of the training frames."
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=2000, batch_size=4, learning_rate=2e-3, ema_decay=0.99),
        description="Optimisation.",
    )


class LatentDiffusionSettings(TrainableSettings):
    """What both diffusion models have in common."""

    channels: tuple[int, ...] = Field(
        (64, 128),
        min_length=1,
        description="Feature channels a level; each after the first halves y and x of the latent.",
    )
    blocks: int = Field(1, ge=1, description="Residual blocks a level.")
    objective: Literal["data", "epsilon", "v", "flow"] = Field(
        "data",
        description=(
            "What the network predicts: the data, the noise, the v of progressive distillation, or the "
            "velocity of rectified flow."
        ),
    )
    schedule: Literal["cosine", "linear", "flow"] = Field(
        "cosine",
        description="Signal and noise over diffusion time; `flow` is the straight path of rectified flow.",
    )
    drop_condition: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Chance that one condition is replaced by its learned null, each by itself.",
    )
    drop_all_conditions: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Chance that all conditions are replaced at once, for classifier-free guidance.",
    )
    augmentation: GeometrySettings = Field(
        default_factory=GeometrySettings,
        description="Random geometry of the encoded copies; asked volumes are scaled alike.",
    )
    copies: int = Field(
        8,
        ge=1,
        description="Versions of each training cine that are encoded before training, the original first.",
    )
    conditions: tuple[Condition, ...] = Field(description="Columns the model is conditioned on.")

    @field_validator("conditions")
    @classmethod
    def _conditions_differ(cls, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        if len(set(conditions)) < len(conditions):
            raise ValueError("a condition is listed twice; list each once")
        return conditions

    @field_validator("needs", check_fields=False)
    @classmethod
    def _needs_an_autoencoder(cls, needs: dict[str, str]) -> dict[str, str]:
        if set(needs) != {"autoencoder"}:
            raise ValueError(
                "needs exactly the role 'autoencoder'; name the model whose latents are generated"
            )
        return needs


class AnatomyDiffusionSettings(LatentDiffusionSettings):
    """Diffusion model of the end-diastolic latent, given what is known of a subject."""

    kind: Literal["anatomy_diffusion"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field({"autoencoder": "autoencoder"}, description="The autoencoder, by name.")
    conditions: tuple[Condition, ...] = Field(
        ("diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "n_slices"),
        description="Columns the model is conditioned on; each may stay unknown.",
    )
    copies: int = Field(
        32,
        ge=1,
        description="Versions of each end-diastolic frame that are encoded before training, the original first.",
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=4000, batch_size=16, learning_rate=1e-3), description="Optimisation."
    )


class MotionDiffusionSettings(LatentDiffusionSettings):
    """Diffusion model of all frames' latents minus the end-diastolic one."""

    kind: Literal["motion_diffusion"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field({"autoencoder": "autoencoder"}, description="The autoencoder, by name.")
    conditions: tuple[Condition, ...] = Field(
        ("diagnosis", "lv_edv_ml", "lv_esv_ml", "lv_ef", "es_phase"),
        description="Columns the model is conditioned on; each may stay unknown.",
    )
    frames_drawn: int | None = Field(
        None,
        ge=2,
        description="Frames of a cine in one training item, ED always among them; all where empty.",
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=3000, batch_size=4, learning_rate=1e-3), description="Optimisation."
    )


ModelSettings = Annotated[
    AutoencoderSettings
    | AnatomyDiffusionSettings
    | MotionDiffusionSettings
    | MaskedAutoencoderSettings
    | PluginModelSettings,
    Field(discriminator="kind"),
]
