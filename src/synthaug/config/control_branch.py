"""Settings of the control branch on a diffusion model."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from synthaug.config.autoencoders import AUTOENCODER_KINDS
from synthaug.config.geometry import GeometrySettings
from synthaug.config.training import TrainableSettings, TrainingSettings


class ControlBranchSettings(TrainableSettings):
    """ControlNet branch on a trained diffusion model of whole cines, which masks or edges then steer."""

    implementation: ClassVar[str] = "synthaug.models.control_branch:ControlBranch"
    role_kinds: ClassVar = {
        "autoencoder": AUTOENCODER_KINDS,
        "diffusion": ("cine_diffusion", "text_diffusion"),
    }

    kind: Literal["control_branch"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field(
        {"autoencoder": "autoencoder", "diffusion": "diffusion"},
        description="The autoencoder, and the diffusion model of whole cines, with a U-Net, that is steered; by name.",
    )
    structure: Literal["labels", "canny"] = Field(
        "labels",
        description=(
            "Structural input: `labels`: label maps of LV, MYO and RV; `canny`: edges of the image (thresholds 100 and 200 "
            "of 255), at sampling those of a given image or of the requested label map."
        ),
    )
    masks: Literal["own", "decoded"] = Field(
        "own",
        description=(
            "Label maps of training frames without annotation: `own`: unknown; `decoded`: those that the autoencoder "
            "decodes of the frame, pseudo labels, whose number the training record gives."
        ),
    )
    trainable_base: Literal["none", "middle"] = Field(
        "none",
        description="What of the base is trained beside the branch: nothing, or its first middle block (a copy of it).",
    )
    width: int = Field(32, ge=1, description="Features that the structure is encoded with.")
    drop_frames: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Probability that a training sample has the structure of a random share of its frames only.",
    )
    frames_drawn: int | None = Field(
        None,
        ge=1,
        description=(
            "Latent frames of a cine in one training item, of a base that takes some frames (`text_diffusion`): many small "
            "items for the price of few whole cines; empty: all."
        ),
    )
    augmentation: GeometrySettings = Field(
        default_factory=GeometrySettings,
        description="Random geometry of the encoded copies, cine and structure alike.",
    )
    copies: int = Field(
        8,
        ge=1,
        description="Versions of each training cine that are encoded before training, the original first.",
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=2000, batch_size=8, learning_rate=5e-4), description="Optimisation."
    )

    @field_validator("needs")
    @classmethod
    def _has_its_roles(cls, needs: dict[str, str]) -> dict[str, str]:
        if set(needs) != {"autoencoder", "diffusion"}:
            raise ValueError(
                "control_branch needs exactly the roles autoencoder and diffusion; name a model for each"
            )
        return needs
