"""Settings of the models of anatomy and motion."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from synthaug.config.conditions import ScalarCondition
from synthaug.config.geometry import GeometrySettings
from synthaug.config.latent_models import CONDITIONS_TEXT, LatentDiffusionSettings, check_roles
from synthaug.config.training import Channels, TrainableSettings, TrainingSettings


class VolumeDiffusionSettings(LatentDiffusionSettings):
    """What diffusion models whose network sees whole volumes have in common."""

    slice_places: bool = Field(
        False,
        description="Tell the network the place of each slice in its stack, from -1 at the base to 1 at the apex.",
    )
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Part of the features of each residual block that are 0 in a training step.",
    )


class AnatomyDiffusionSettings(VolumeDiffusionSettings):
    """Diffusion model of the end-diastolic latent, or of any frame's, given what is known of a subject."""

    implementation: ClassVar[str] = "synthaug.models.anatomy_diffusion:AnatomyDiffusion"
    role_kinds: ClassVar = {"autoencoder": ("autoencoder",)}

    kind: Literal["anatomy_diffusion"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field({"autoencoder": "autoencoder"}, description="The autoencoder, by name.")
    conditions: tuple[ScalarCondition, ...] = Field(
        ("diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "n_slices"),
        description=CONDITIONS_TEXT,
    )
    frames: Literal["ed", "all"] = Field(
        "ed",
        description=(
            "`ed`: the end-diastolic frame; `all`: every frame, conditioned on its cardiac phase, for a cascade without "
            "a motion model."
        ),
    )
    copies: int = Field(
        32,
        ge=1,
        description=(
            "Versions of each subject that are encoded before training, the original first; use fewer if all frames "
            "are encoded."
        ),
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=4000, batch_size=16, learning_rate=1e-3), description="Optimisation."
    )


class MotionNetworkSettings(TrainableSettings):
    """Network that encodes the difference of a frame's latent from the end-diastolic one in a small code."""

    implementation: ClassVar[str] = "synthaug.models.motion_network:MotionNetwork"
    role_kinds: ClassVar = {"autoencoder": ("autoencoder",)}

    kind: Literal["motion_network"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field({"autoencoder": "autoencoder"}, description="The autoencoder, by name.")
    channels: Channels = Field(
        (32, 64),
        min_length=1,
        description="Feature channels a level; each after the first halves y and x of the latent.",
    )
    blocks: int = Field(1, ge=1, description="Residual blocks a level.")
    labelled_fraction: float = Field(
        0.5,
        ge=0,
        le=1,
        description="How often a labelled frame is drawn from a subject that has one; otherwise any frame.",
    )
    latent_weight: float = Field(
        2.0, ge=0, description="Weight of the L1 distance of the moved end-diastolic latent to the frame's."
    )
    mask_weight: float = Field(
        0.3,
        ge=0,
        description="Weight of cross-entropy plus soft Dice of the masks decoded from the moved latent.",
    )
    size_weight: float = Field(0.01, ge=0, description="Weight of the mean square of the code.")
    still_weight: float = Field(
        1.0, ge=0, description="Weight of the mean absolute code from the end-diastolic frame to itself."
    )
    augmentation: GeometrySettings = Field(
        default_factory=GeometrySettings, description="Random geometry of the training frames."
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=1000, batch_size=4, learning_rate=1e-3), description="Optimisation."
    )

    @field_validator("needs")
    @classmethod
    def _needs_an_autoencoder(cls, needs: dict[str, str]) -> dict[str, str]:
        return check_roles(needs)


class MotionDiffusionSettings(VolumeDiffusionSettings):
    """Diffusion model of all frames' latents, as they differ from the end-diastolic one or as they are."""

    implementation: ClassVar[str] = "synthaug.models.motion_diffusion:MotionDiffusion"
    role_kinds: ClassVar = {"autoencoder": ("autoencoder",), "motion_network": ("motion_network",)}
    optional_needs: ClassVar[frozenset[str]] = frozenset({"motion_network"})

    kind: Literal["motion_diffusion"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field(
        {"autoencoder": "autoencoder"},
        description=(
            "The autoencoder, by name; with a `motion_network`, its codes are modelled instead of the differences."
        ),
    )
    target: Literal["residual", "latent"] = Field(
        "residual",
        description="Target: the difference of each frame's latent from the end-diastolic one, or the latent itself.",
    )
    conditions: tuple[ScalarCondition, ...] = Field(
        ("diagnosis", "lv_edv_ml", "lv_esv_ml", "lv_ef", "es_phase"),
        description=CONDITIONS_TEXT,
    )
    frames_drawn: int | None = Field(
        None,
        ge=2,
        description="Frames of a cine in one training item, ED included; empty: all.",
    )
    anatomy_noise: float = Field(
        0.0,
        ge=0,
        description=(
            "Largest SD of noise on the end-diastolic latent that the network is shown in training, in SD of these latents; the SD "
            "of an item is drawn uniformly from 0 to this. Motion is then learned of anatomies that are not quite those of patients."
        ),
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=3000, batch_size=4, learning_rate=1e-3), description="Optimisation."
    )

    @model_validator(mode="after")
    def _codes_are_differences(self) -> MotionDiffusionSettings:
        if self.target == "latent" and "motion_network" in self.needs:
            raise ValueError(
                "a motion_network codes differences, target latent draws none; leave out one of them"
            )
        return self
