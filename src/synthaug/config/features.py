"""Feature extractors: the model that a study trains, and networks with user-supplied weights."""

from __future__ import annotations

from string import Formatter
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from synthaug.config.base import Settings
from synthaug.config.paths import PathText
from synthaug.config.plugins import PluginSettings
from synthaug.config.training import TrainableSettings, TrainingSettings

_Positive = Annotated[float, Field(gt=0)]
Size = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
Deviation = tuple[_Positive, ...]
Colour = tuple[float, float, float]
ColourDeviation = tuple[_Positive, _Positive, _Positive]


class MaskedAutoencoderSettings(TrainableSettings):
    """Masked autoencoder of the fold's real training cines: a transformer that predicts hidden patches."""

    implementation: ClassVar[str] = "synthaug.models.masked_autoencoder:MaskedAutoencoder"

    kind: Literal["masked_autoencoder"] = Field(description="Kind of model.")
    patch: tuple[int, int, int] = Field(
        (2, 8, 8), description="Extent of a patch: frames or slices, then pixels in y and x."
    )
    width: int = Field(96, ge=6, description="Channels of the encoder: the length d of a feature vector.")
    depth: int = Field(4, ge=1, description="Transformer blocks of the encoder.")
    heads: int = Field(4, ge=1, description="Attention heads; they divide both widths.")
    decoder_width: int = Field(64, ge=6, description="Channels of the decoder, used in training only.")
    decoder_depth: int = Field(2, ge=1, description="Transformer blocks of the decoder.")
    mask_fraction: float = Field(0.75, gt=0, lt=1, description="Fraction of the patches masked in training.")
    order_weight: float = Field(
        0.3,
        ge=0,
        description="Weight of the cross-entropy of ordered against shuffled frames of a clip. With 0 the features are hardly "
        "sensitive to motion; large values cost sensitivity to blur.",
    )
    training: TrainingSettings = Field(
        TrainingSettings(iterations=3000, batch_size=12, learning_rate=2e-3, weight_decay=0.05),
        description="Optimisation.",
    )

    @model_validator(mode="after")
    def _sizes_fit(self) -> MaskedAutoencoderSettings:
        if min(self.patch) < 1:
            raise ValueError("patch extents must be at least 1")
        if self.width % self.heads or self.decoder_width % self.heads:
            raise ValueError(f"width and decoder_width must be multiples of heads ({self.heads})")
        return self


class StudyExtractorSettings(Settings):
    """Features of a masked autoencoder that the study trains on the fold's real training cines."""

    implementation: ClassVar[str] = "synthaug.features.study:StudyExtractor"

    kind: Literal["study"] = Field(description="Kind of extractor.")
    model: str = Field(description="The masked autoencoder among `models`.")


class StudyTextExtractorSettings(Settings):
    """Images and sentences in the common space of a text encoder that the study trains: CLIPSIM without supplied weights."""

    implementation: ClassVar[str] = "synthaug.features.study_text:StudyTextExtractor"

    kind: Literal["study_text"] = Field(description="Kind of extractor.")
    model: str = Field(description="The model of kind `text_encoder` among `models`.")


class SuppliedExtractorSettings(Settings):
    """Common settings of networks with user-supplied weights."""

    kind: str = Field(description="Kind of extractor.")
    weights: PathText | None = Field(
        None, description="File of the network; without it the extractor is absent."
    )
    sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="SHA-256 of the file; required with `weights`."
    )

    @model_validator(mode="after")
    def _weights_come_with_their_hash(self) -> Self:
        if (self.weights is None) != (self.sha256 is None):
            raise ValueError("weights and sha256 go together; a file is read only after its hash was checked")
        return self


class InceptionExtractorSettings(SuppliedExtractorSettings):
    """Pool-3 features of the 2015 Inception network of the original FID, for single frames."""

    implementation: ClassVar[str] = "synthaug.features.inception:InceptionExtractor"

    kind: Literal["inception"] = Field(description="Kind of extractor.")
    weights: PathText | None = Field(
        None,
        description="pytorch-fid's `pt_inception-2015-12-05-6726825d.pth`; without it FID is absent.",
    )


class TorchScriptExtractorSettings(SuppliedExtractorSettings):
    """Features of any image or video network that is saved as TorchScript."""

    implementation: ClassVar[str] = "synthaug.features.torchscript:TorchScriptExtractor"

    kind: Literal["torchscript"] = Field(description="Kind of extractor.")
    weights: PathText | None = Field(
        None,
        description="TorchScript file that maps a batch to features (n, d). It is a program: reading it executes "
        "its code, so its hash is required. Use trusted sources only.",
    )
    input: Literal["image", "video"] = Field(
        description="What the network takes: images (n, channels, y, x), for FID and KID, or clips "
        "(n, channels, frames, y, x), for FVD-T, FVD-S and F4D."
    )
    size: Size = Field(description="Input size of the network in pixels, y and x; images are resized to it.")
    frames: int | None = Field(
        None,
        ge=2,
        description="Frames of a clip, with `input: video`. Clips are resampled to it: cyclically in time, "
        "linearly in depth.",
    )
    channels: Literal[1, 3] = Field(3, description="Channels of an image; 3 repeat the grey image.")
    mean: tuple[float, ...] = Field(
        (0.5,),
        description="Subtracted from intensities in [0, 1]: one number, or one per channel. With the default "
        "`deviation` they become [-1, 1].",
    )
    deviation: Deviation = Field(
        (0.5,), description="Divisor after the subtraction: one number, or one per channel."
    )
    resize_antialias: bool = Field(False, description="Smooth before making images smaller.")

    @model_validator(mode="after")
    def _input_is_described(self) -> Self:
        if (self.input == "video") != (self.frames is not None):
            raise ValueError("frames is needed with input: video, and only there")
        for key in ("mean", "deviation"):
            if len(getattr(self, key)) not in (1, self.channels):
                raise ValueError(f"{key} must be one number or one for each of {self.channels} channels")
        return self


class I3DExtractorSettings(SuppliedExtractorSettings):
    """The 400 logits of the I3D network as StyleGAN-V publishes it, the usual extractor of FVD."""

    implementation: ClassVar[str] = "synthaug.features.torchscript:I3DExtractor"

    kind: Literal["i3d"] = Field(description="Kind of extractor.")
    weights: PathText | None = Field(
        None,
        description="StyleGAN-V's `i3d_torchscript.pt`. It is a program: reading it executes its code, so "
        "its hash is required.",
    )
    frames: int = Field(
        16,
        ge=10,
        description="Frames of a clip; the network needs 10. Clips are resampled to it: cyclically in time, "
        "linearly in depth.",
    )


class TorchvisionExtractorSettings(SuppliedExtractorSettings):
    """Penultimate layer of a video network of torchvision."""

    implementation: ClassVar[str] = "synthaug.features.torchvision_video:TorchvisionExtractor"

    kind: Literal["torchvision"] = Field(description="Kind of extractor.")
    weights: PathText | None = Field(
        None, description="State dict of the network, for any number of classes. Reading it executes no code."
    )
    network: str = Field(description="Name in `torchvision.models.video`, such as `r3d_18` or `swin3d_t`.")
    size: Size | None = Field(
        None, description="Input size in pixels, y and x; none: that of torchvision's own weights."
    )
    frames: int = Field(
        16,
        ge=2,
        description="Frames of a clip. Clips are resampled to it: cyclically in time, linearly in depth.",
    )
    mean: Colour | None = Field(
        None,
        description="Subtracted from intensities in [0, 1], for each of 3 channels; none: torchvision's own.",
    )
    deviation: ColourDeviation | None = Field(
        None, description="Divisor after the subtraction; none: torchvision's own."
    )
    resize_antialias: bool = Field(False, description="Smooth before making images smaller.")


class ImageTextExtractorSettings(SuppliedExtractorSettings):
    """Image-text pair of encoders (CLIP or similar): agreement of a cine with a sentence from its table."""

    implementation: ClassVar[str] = "synthaug.features.image_text_pair:ImageTextExtractor"

    kind: Literal["image_text"] = Field(description="Kind of extractor.")
    weights: PathText | None = Field(
        None,
        description="Weights in a folder as `transformers` (`model.safetensors`, `config.json`) or `open_clip` (BiomedCLIP: "
        "`open_clip_config.json`) saves a model, with the tokenizer's files beside them. Reading them executes no code.",
    )
    prompt: str = Field(
        "a short-axis cardiac cine MRI of {diagnosis}",
        description="Sentence for each cine; columns of the cohort's table in braces. Diagnoses are "
        "spelled out; subjects without one of the values are excluded. `{sentence}`: the sentence that the subject was "
        "requested with; of other subjects, one written from their facts with held-out wordings.",
    )

    @field_validator("prompt")
    @classmethod
    def _prompt_can_be_filled(cls, prompt: str) -> str:
        try:
            columns = [name for _, name, _, _ in Formatter().parse(prompt) if name is not None]
        except ValueError as error:
            raise ValueError(
                f"prompt {prompt!r} cannot be read ({error}); write columns as {{diagnosis}}"
            ) from None
        if not columns or not all(column.isidentifier() for column in columns):
            raise ValueError(f"prompt {prompt!r} must name a column of the cohort, such as {{diagnosis}}")
        return prompt


class PluginExtractorSettings(PluginSettings, SuppliedExtractorSettings):
    """User-supplied extractor: a class derived from `synthaug.features.base.Extractor`."""

    derived_from = "synthaug.features.base:Extractor"

    weights: PathText | None = Field(
        None,
        description="File of the network, if any; its hash is checked before the class reads it.",
    )


ExtractorSettings = Annotated[
    StudyExtractorSettings
    | StudyTextExtractorSettings
    | InceptionExtractorSettings
    | TorchScriptExtractorSettings
    | I3DExtractorSettings
    | TorchvisionExtractorSettings
    | ImageTextExtractorSettings
    | PluginExtractorSettings,
    Field(discriminator="kind"),
]
