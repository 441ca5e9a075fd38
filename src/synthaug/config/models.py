"""Settings of every kind of trainable model."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from synthaug.config.base import Settings
from synthaug.config.conditions import CONDITIONS, ScalarCondition
from synthaug.config.features import MaskedAutoencoderSettings
from synthaug.config.geometry import GeometrySettings
from synthaug.config.phenotype_samplers import PhenotypeCopulaSettings, PhenotypeVAESettings
from synthaug.config.plugins import PluginModelSettings
from synthaug.config.text_encoders import ClipTextSettings, TextEncoderSettings
from synthaug.config.training import TrainableSettings, TrainingSettings

#: Division of the lengths of t, y and x at one level; slices are never merged.
Stride = tuple[Literal[1, 2], Literal[1, 2], Literal[1, 2]]

#: Latent frames, rows and columns of a token.
Patch = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]

_CONDITIONS = (
    "Conditions of the model, each of which may stay unknown: "
    + ", ".join(f"`{name}`" for name, condition in CONDITIONS.items() if condition.scalar)
    + ", a phenotype of docs/phenotypes.md, or a numeric column of the cohort's table or of a table of phenotypes."
)

#: Latent frames, slices, rows and columns of a token.
StackPatch = tuple[
    Annotated[int, Field(ge=1)],
    Annotated[int, Field(ge=1)],
    Annotated[int, Field(ge=1)],
    Annotated[int, Field(ge=1)],
]

_PARAPHRASES = "Sentences of each encoded copy, of which each step draws one."

#: Kinds of `LatentAutoencoder`: their latents are what models on latents are trained on.
AUTOENCODER_KINDS = ("autoencoder", "slice_autoencoder", "vq_autoencoder")

#: Kinds of `TextEncoder`: what models that read sentences build on.
TEXT_ENCODER_KINDS = ("text_encoder", "clip_text")


class SharpeningSettings(TrainableSettings):
    """Late terms against blurred reconstructions; any autoencoder takes them."""

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
        0.1, ge=0, description="Weight of the perceptual distance, if its network is supplied."
    )
    perceptual_weights: str | None = Field(
        None,
        description="User-supplied weight file, a state dict of torchvision's `resnet50`; without it there is no perceptual term.",
    )


class LatentAutoencoderSettings(SharpeningSettings):
    """What all autoencoders of cines have in common."""

    default_stride: ClassVar[Stride]

    channels: tuple[int, ...]
    strides: tuple[Stride, ...] | None = Field(
        None,
        description=(
            "Division of the lengths of t, y and x at each level, 1 or 2 each, for example [[1, 2, 2], [2, 2, 2]]; "
            "empty: the default of the kind at every level."
        ),
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
    channels: tuple[int, ...] = Field(
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


class SliceLatentsSettings(LatentAutoencoderSettings):
    """What autoencoders of single slices through the cycle (2D+t) have in common."""

    default_stride: ClassVar[Stride] = (2, 2, 2)

    kind: str = Field(description="Kind of model.")
    channels: tuple[int, ...] = Field(
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


class ConditionedLatentsSettings(TrainableSettings):
    """What all models on latents have in common: encoded copies of the cines, and conditions."""

    optional_needs: ClassVar[frozenset[str]] = frozenset()
    drop_condition: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Probability that a condition is replaced by its learned null, independently of the others.",
    )
    drop_all_conditions: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Probability that all conditions are replaced at once, for classifier-free guidance.",
    )
    augmentation: GeometrySettings = Field(
        default_factory=GeometrySettings,
        description="Random geometry of the encoded copies; conditions that are volumes or masses are scaled with it.",
    )
    copies: int = Field(
        8,
        ge=1,
        description="Versions of each training cine that are encoded before training, the original first.",
    )
    conditions: tuple[ScalarCondition, ...] = Field(description=_CONDITIONS)

    @field_validator("conditions")
    @classmethod
    def _conditions_differ(cls, conditions: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(conditions)) < len(conditions):
            raise ValueError("a condition is listed twice; list each once")
        return conditions

    @field_validator("needs", check_fields=False)
    @classmethod
    def _needs_an_autoencoder(cls, needs: dict[str, str]) -> dict[str, str]:
        return _check_roles(needs, cls.optional_needs)


class DiffusionObjectiveSettings(Settings):
    """Objective of a diffusion model, of whole latents or of single tokens."""

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
    loss: Literal["squared", "huber"] = Field(
        "squared", description="Error of the prediction: its square, or Huber's with threshold 1."
    )


class LatentDiffusionSettings(ConditionedLatentsSettings, DiffusionObjectiveSettings):
    """What all diffusion models of latents have in common."""

    channels: tuple[int, ...] = Field(
        (64, 128),
        min_length=1,
        description="Feature channels a level; each after the first halves y and x of the latent.",
    )
    blocks: int = Field(1, ge=1, description="Residual blocks a level.")


class AnatomyDiffusionSettings(LatentDiffusionSettings):
    """Diffusion model of the end-diastolic latent, or of any frame's, given what is known of a subject."""

    implementation: ClassVar[str] = "synthaug.models.anatomy_diffusion:AnatomyDiffusion"
    role_kinds: ClassVar = {"autoencoder": ("autoencoder",)}

    kind: Literal["anatomy_diffusion"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field({"autoencoder": "autoencoder"}, description="The autoencoder, by name.")
    conditions: tuple[ScalarCondition, ...] = Field(
        ("diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "n_slices"),
        description=_CONDITIONS,
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
    channels: tuple[int, ...] = Field(
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
        return _check_roles(needs)


class MotionDiffusionSettings(LatentDiffusionSettings):
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
        description=_CONDITIONS,
    )
    frames_drawn: int | None = Field(
        None,
        ge=2,
        description="Frames of a cine in one training item, ED included; empty: all.",
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


def _check_roles(needs: dict[str, str], optional: frozenset[str] = frozenset()) -> dict[str, str]:
    if set(needs) - optional != {"autoencoder"}:
        others = "".join(f", and may have {role!r}" for role in sorted(optional))
        raise ValueError(
            f"needs exactly the role 'autoencoder'{others}; name the model whose latents it takes"
        )
    return needs


def _check_heads(width: int, heads: int) -> None:
    if width % heads:
        raise ValueError(f"width {width} must be a multiple of heads {heads}")


class CineDiffusionSettings(LatentDiffusionSettings):
    """Diffusion model of the latents of all slices and frames at once."""

    implementation: ClassVar[str] = "synthaug.models.cine_diffusion:CineDiffusion"
    role_kinds: ClassVar = {"autoencoder": AUTOENCODER_KINDS}

    kind: Literal["cine_diffusion"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field({"autoencoder": "autoencoder"}, description="The autoencoder, by name.")
    network: Literal["unet", "factorised_unet", "transformer"] = Field(
        "unet",
        description=(
            "`unet` stacks the slices on the channels and convolves over time and plane (`channels`, `blocks`); "
            "`factorised_unet` convolves and attends in space and over time in turn (`channels`, `blocks`); "
            "`transformer` attends between all patches of time, depth and plane (`width`, `depth`, `heads`, `patch`)."
        ),
    )
    width: int = Field(256, ge=8, description="Features of a token of the transformer.")
    depth: int = Field(8, ge=1, description="Blocks of the transformer.")
    heads: int = Field(4, ge=1, description="Attention heads of the transformer; they divide the width.")
    patch: tuple[int, int, int] = Field(
        (1, 2, 2), description="Latent frames, rows and columns of a token; a token never holds two slices."
    )
    conditions: tuple[ScalarCondition, ...] = Field(
        ("diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "n_slices", "es_phase"),
        description=_CONDITIONS,
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=4000, batch_size=8, learning_rate=1e-3), description="Optimisation."
    )

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> CineDiffusionSettings:
        if self.width % self.heads or min(self.patch) < 1:
            raise ValueError(
                f"width {self.width} must be a multiple of heads {self.heads}, and patch of positive sizes"
            )
        return self


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
        (3, 1, 2, 2), description="Latent frames, slices, rows and columns of an image token."
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
        _check_heads(self.width, self.heads)
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
        description="Signal and noise over diffusion time; `flow` is the straight path of rectified flow.",
    )
    paraphrases: int = Field(4, ge=1, description=_PARAPHRASES)
    frames_drawn: int | None = Field(
        None, ge=1, description="Latent frames of a cine in one training item; empty: all."
    )
    conditions: tuple[ScalarCondition, ...] = Field((), description=_CONDITIONS)
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
        description=_CONDITIONS,
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=4000, batch_size=8, learning_rate=5e-4, warmup_iterations=200),
        description="Optimisation.",
    )

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> MaskedAutoregressionSettings:
        _check_heads(self.width, self.heads)
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
        description=_CONDITIONS,
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=4000, batch_size=8, learning_rate=5e-4, warmup_iterations=200),
        description="Optimisation.",
    )

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> VQAutoregressionSettings:
        _check_heads(self.width, self.heads)
        return self


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


class DeformationNetworkSettings(TrainableSettings):
    """Registration network: a code of the motion from end-diastole to end-systole, and the field it stands for."""

    implementation: ClassVar[str] = "synthaug.models.deformation_network:DeformationNetwork"
    role_kinds: ClassVar = {"autoencoder": ("autoencoder",)}

    kind: Literal["deformation_network"] = Field(description="Kind of model.")
    needs: dict[str, str] = Field({"autoencoder": "autoencoder"}, description="The autoencoder, by name.")
    channels: tuple[int, ...] = Field(
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
        ge=1,
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
        return _check_roles(needs)

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
        description=_CONDITIONS,
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
        description=_CONDITIONS,
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=4000, batch_size=4, learning_rate=1e-3), description="Optimisation."
    )

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> SequenceDiffusionSettings:
        _check_heads(self.width, self.heads)
        return self


class PatientRecogniserSettings(TrainableSettings):
    """Contrastive embedding of the fold's real training patients, across phase, geometry and contrast."""

    implementation: ClassVar[str] = "synthaug.models.patient_recogniser:PatientRecogniser"

    kind: Literal["patient_recogniser"] = Field(description="Kind of model.")
    channels: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (16, 32, 64, 96), min_length=1, description="Channels after each halving of the plane."
    )
    width: int = Field(64, ge=2, description="Length of the embedding.")
    temperature: float = Field(0.1, gt=0, description="Divisor of the cosines in the contrastive loss.")
    augmentation: GeometrySettings = Field(
        GeometrySettings(shift_voxels=6, rotation_degrees=180, scale=0.15),
        description="Movements that two views of a patient differ by.",
    )
    training: TrainingSettings = Field(
        TrainingSettings(
            iterations=1500, batch_size=16, learning_rate=2e-3, weight_decay=0.01, ema_decay=0.99
        ),
        description="Optimisation.",
    )


ModelSettings = Annotated[
    AutoencoderSettings
    | SliceAutoencoderSettings
    | VQAutoencoderSettings
    | AnatomyDiffusionSettings
    | MotionNetworkSettings
    | MotionDiffusionSettings
    | CineDiffusionSettings
    | ControlBranchSettings
    | MaskedAutoregressionSettings
    | VQAutoregressionSettings
    | DeformationNetworkSettings
    | DeformationDiffusionSettings
    | SequenceDiffusionSettings
    | TextAlignmentSettings
    | TextDiffusionSettings
    | MaskedAutoencoderSettings
    | PatientRecogniserSettings
    | PhenotypeVAESettings
    | PhenotypeCopulaSettings
    | TextEncoderSettings
    | ClipTextSettings
    | PluginModelSettings,
    Field(discriminator="kind"),
]
