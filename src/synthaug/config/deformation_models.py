"""Settings of the models that deform the end-diastolic frame."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from synthaug.config.conditions import ScalarCondition
from synthaug.config.geometry import GeometrySettings
from synthaug.config.latent_models import CONDITIONS_TEXT, LatentDiffusionSettings, check_roles
from synthaug.config.training import Channels, TrainableSettings, TrainingSettings


class DeformationNetworkSettings(TrainableSettings):
    """Registration network: a code of the motion from end-diastole to end-systole, and the field it stands for."""

    implementation: ClassVar[str] = "synthaug.models.deformation_network:DeformationNetwork"
    role_kinds: ClassVar = {"autoencoder": ("autoencoder",)}

    kind: Literal["deformation_network"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field({"autoencoder": "autoencoder"}, description="The autoencoder, by name.")
    channels: Channels = Field(
        (32, 64),
        min_length=1,
        description="Feature channels a level of the encoder; each after the first halves y and x of the latent.",
    )
    blocks: int = Field(1, ge=1, description="Residual blocks a level, of encoder and decoder.")
    code_channels: int = Field(
        4, ge=1, description="Channels of the code, which has the resolution of the latent."
    )
    field_channels: int = Field(
        16,
        ge=2,
        description=(
            "Feature channels of the decoder at the resolution of the autoencoder's first level; doubled at the "
            "next, and four times as many at all coarser ones."
        ),
    )
    through_plane: bool = Field(
        True, description="Whether voxels also move from slice to slice; `false`: within their slice only."
    )
    squarings: int = Field(
        7, ge=1, le=12, description="Squarings n: the field is composed of 2^n steps of the velocity."
    )
    window: int = Field(
        9, ge=3, description="In-plane window of the local correlation, in voxels; an odd number."
    )
    smoothness_weight: float = Field(
        1.0, ge=0, description="Weight of the mean square of the velocity's spatial gradient (mm per mm)."
    )
    mask_weight: float = Field(
        0.3,
        ge=0,
        description="Weight of the soft Dice loss of the warped masks, where ED and ES are labelled.",
    )
    size_weight: float = Field(0.01, ge=0, description="Weight of the mean square of the code.")
    augmentation: GeometrySettings = Field(
        default_factory=GeometrySettings, description="Random geometry of the training frames."
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=1500, batch_size=4, learning_rate=2e-3), description="Optimisation."
    )

    @field_validator("needs")
    @classmethod
    def _needs_an_autoencoder(cls, needs: dict[str, str]) -> dict[str, str]:
        return check_roles(needs)

    @field_validator("window")
    @classmethod
    def _window_has_a_middle(cls, window: int) -> int:
        if window % 2 == 0:
            raise ValueError(f"window {window} has no middle voxel; give an odd number")
        return window


class DeformationDiffusionSettings(LatentDiffusionSettings):
    """Diffusion model of the code of the motion from end-diastole to end-systole, given the end-diastolic latent."""

    implementation: ClassVar[str] = "synthaug.models.deformation_diffusion:DeformationDiffusion"
    role_kinds: ClassVar = {"autoencoder": ("autoencoder",), "deformation_network": ("deformation_network",)}

    kind: Literal["deformation_diffusion"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field(
        {"autoencoder": "autoencoder", "deformation_network": "deformation_network"},
        description="The autoencoder and the network whose codes are modelled, by name.",
    )
    conditions: tuple[ScalarCondition, ...] = Field(
        ("diagnosis", "lv_edv_ml", "lv_esv_ml", "lv_ef"),
        description=CONDITIONS_TEXT,
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=3000, batch_size=16, learning_rate=1e-3), description="Optimisation."
    )

    @field_validator("needs", check_fields=False)
    @classmethod
    def _needs_an_autoencoder(cls, needs: dict[str, str]) -> dict[str, str]:
        if set(needs) != {"autoencoder", "deformation_network"}:
            raise ValueError(
                "needs exactly the roles 'autoencoder' and 'deformation_network'; name a model for each"
            )
        return needs
