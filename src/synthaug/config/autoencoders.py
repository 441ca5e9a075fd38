"""Settings of autoencoders, whose latents other models are trained on."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from synthaug.config.geometry import ConsistencySettings, GeometrySettings, RadialDeformationSettings
from synthaug.config.paths import PathText
from synthaug.config.teacher import TeacherSettings
from synthaug.config.training import Channels, TrainableSettings, TrainingSettings

#: Division of the lengths of t, y and x at one level; slices are never merged.
Stride = tuple[Literal[1, 2], Literal[1, 2], Literal[1, 2]]

#: Kinds of `LatentAutoencoder`: their latents are what models on latents are trained on.
AUTOENCODER_KINDS = ("autoencoder", "slice_autoencoder", "vq_autoencoder")


class SharpeningSettings(TrainableSettings):
    """Late terms against blurred reconstructions; any autoencoder takes them."""

    role_kinds: ClassVar = {"perceptual": ("masked_autoencoder",)}

    needs: dict[str, str] = Field(
        default_factory=dict,
        description=(
            "None, or `perceptual`: a `masked_autoencoder`, by name, whose features the perceptual distance is measured in. "
            "Training alone uses it."
        ),
    )
    late_from: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Fraction of the training after which the two terms below ramp up, over a tenth of it.",
    )
    adversarial_weight: float = Field(
        0.0, ge=0, description="Weight of a patch discriminator of single frames; 0 trains none."
    )
    perceptual_weight: float = Field(
        0.1,
        ge=0,
        description="Weight of the perceptual distance, if its network is named among `needs` or supplied.",
    )
    perceptual_weights: PathText | None = Field(
        None,
        description=(
            "User-supplied weight file, a state dict of torchvision's `resnet50`, in place of a `perceptual` among `needs`; without "
            "either there is no perceptual term."
        ),
    )

    @field_validator("needs")
    @classmethod
    def _may_have_its_role(cls, needs: dict[str, str]) -> dict[str, str]:
        if set(needs) - {"perceptual"}:
            raise ValueError(
                "may have the role 'perceptual' and no other; name a masked_autoencoder, or none"
            )
        return needs

    @model_validator(mode="after")
    def _one_network_perceives(self) -> Self:
        if self.perceptual_weights is not None and "perceptual" in self.needs:
            raise ValueError(
                "perceptual_weights and needs.perceptual each name a network of the perceptual distance; leave out one of them"
            )
        return self


class LatentAutoencoderSettings(SharpeningSettings):
    """What all autoencoders of cines have in common."""

    default_stride: ClassVar[Stride]

    channels: Channels
    strides: tuple[Stride, ...] | None = Field(
        None,
        description=(
            "Division of the lengths of t, y and x at each level, 1 or 2 each, for example [[1, 2, 2], [2, 2, 2]]; "
            "empty: the default of the kind at every level."
        ),
    )
    teacher: TeacherSettings | None = Field(
        None,
        description="A segmenter that labels the training frames without labels, of which masks are learned then, too. None: such "
        "frames train the image only.",
    )

    @property
    def level_strides(self) -> tuple[Stride, ...]:
        """The stride (t, y, x) of every level."""
        return self.strides or (self.default_stride,) * len(self.channels)

    @model_validator(mode="after")
    def _every_level_has_a_stride(self) -> Self:
        if len(self.level_strides) != len(self.channels):
            raise ValueError(
                f"strides has {len(self.level_strides)} levels and channels {len(self.channels)}; give each level both"
            )
        return self


class AutoencoderSettings(LatentAutoencoderSettings):
    """Anisotropic variational autoencoder of single frames, with an image and a mask decoder."""

    implementation: ClassVar[str] = "synthaug.models.autoencoder:Autoencoder"
    default_stride: ClassVar[Stride] = (1, 2, 2)

    kind: Literal["autoencoder"] = Field(description="Kind of model.")
    channels: Channels = Field(
        (32, 64, 96),
        min_length=1,
        description="Feature channels a level; each level halves y and x unless `strides` says otherwise, never z.",
    )
    blocks: int = Field(1, ge=1, description="Residual blocks a level.")
    latent_channels: int = Field(8, ge=1, description="Channels of the latent.")
    masks: bool = Field(
        True,
        description=(
            "Decode masks from the same latent as the image. `false`: labels are not used, all frames are sampled "
            "uniformly, and a generator on these latents needs `labels: pseudo`."
        ),
    )
    labelled_fraction: float = Field(
        0.5,
        ge=0,
        le=1,
        description="How often a labelled frame is drawn from a subject that has one; otherwise any frame.",
    )
    oversample_labelled: bool = Field(
        False,
        description="Where few subjects are labelled: `labelled_fraction` of all frames are labelled ones, each of a labelled "
        "subject drawn by chance.",
    )
    deformation: RadialDeformationSettings | None = Field(
        None,
        description="Random radial deformation of labelled frames, so that masks of thicker walls and smaller cavities are "
        "learned than the labelled patients have. None: none.",
    )
    consistency: ConsistencySettings | None = Field(
        None,
        description="Masks of frames without labels: they follow the frame when its geometry and its contrast change. None: "
        "such frames train the image only.",
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

    @model_validator(mode="after")
    def _frames_are_single(self) -> Self:
        if any(t != 1 for t, _, _ in self.level_strides):
            raise ValueError(
                "strides: this kind encodes single frames; give 1 for t, or take a slice_autoencoder or vq_autoencoder"
            )
        return self

    @model_validator(mode="after")
    def _only_masks_are_taught(self) -> Self:
        for name in ("consistency", "teacher"):
            if getattr(self, name) is not None and not self.masks:
                raise ValueError(f"{name}: there are no masks with masks: false; leave out one of them")
        return self


class SliceLatentsSettings(LatentAutoencoderSettings):
    """What autoencoders of single slices through the cycle (2D+t) have in common."""

    default_stride: ClassVar[Stride] = (2, 2, 2)

    kind: str = Field(description="Kind of model.")
    channels: Channels = Field(
        (64, 128),
        min_length=1,
        description="Feature channels a level; each level halves t, y and x unless `strides` says otherwise, never z.",
    )
    blocks: int = Field(2, ge=1, description="Residual blocks a level.")
    latent_channels: int = Field(8, ge=1, description="Channels of the latent, and of a code.")
    slices_drawn: int = Field(4, ge=1, description="Slices of a cine in one training item.")
    mask_weight: float = Field(0.3, ge=0, description="Weight of cross-entropy plus soft Dice of the masks.")
    gradient_weight: float = Field(
        0.5, ge=0, description="Weight of the L1 distance of image gradients in the plane and in time."
    )
    augmentation: GeometrySettings = Field(
        default_factory=GeometrySettings, description="Random geometry of the training slices."
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=2000, batch_size=2, learning_rate=1e-3, ema_decay=0.99),
        description="Optimisation.",
    )


class SliceAutoencoderSettings(SliceLatentsSettings):
    """Variational autoencoder of single slices through the cycle (2D+t), with masks from the same latents."""

    implementation: ClassVar[str] = "synthaug.models.slice_autoencoder:SliceAutoencoder"

    kind: Literal["slice_autoencoder"] = Field(description="Kind of model.")
    kl_weight: float = Field(1e-3, ge=0, description="Weight of the mean KL divergence per latent element.")


class VQAutoencoderSettings(SliceLatentsSettings):
    """Vector-quantised autoencoder of single slices through the cycle (2D+t), with masks from the same codes."""

    implementation: ClassVar[str] = "synthaug.models.vq_autoencoder:VQAutoencoder"

    kind: Literal["vq_autoencoder"] = Field(description="Kind of model.")
    codes: int = Field(1024, ge=2, description="Codes of the codebook; how many are used is logged.")
    codebook_decay: float = Field(
        0.99, gt=0, lt=1, description="Decay of the moving averages that update the codes."
    )
    entropy_weight: float = Field(
        0.0,
        ge=0,
        description=(
            "Weight of the entropy loss: entropy of the code of one position, less that of the codes of all positions "
            "together. Each position is near one code, and all codes are used. 0: none."
        ),
    )
    entropy_temperature: float = Field(
        0.01,
        gt=0,
        description=(
            "Squared distance to a code at which its probability in the entropy loss has fallen by a factor e; for vectors of "
            "length 1."
        ),
    )
    codebook_norm_weight: float = Field(
        0.0,
        ge=0,
        description=(
            "Weight of the squared deviation of the length of encoded vectors, whose averages the codes are, from 1. 0: none."
        ),
    )

    @model_validator(mode="after")
    def _temperature_has_a_scale(self) -> Self:
        if self.entropy_weight and not self.codebook_norm_weight:
            raise ValueError(
                "entropy_weight without codebook_norm_weight: longer vectors alone would lower the entropy loss; set both"
            )
        return self
