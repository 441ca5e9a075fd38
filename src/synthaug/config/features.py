"""Feature extractors: the model a study trains for itself, and networks whose weights the user brings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from synthaug.config.base import Settings
from synthaug.config.training import TrainableSettings, TrainingSettings


class MaskedAutoencoderSettings(TrainableSettings):
    """Transformer that learns the fold's real training cines by filling in hidden patches."""

    kind: Literal["masked_autoencoder"] = Field(description="Kind of model.")
    patch: tuple[int, int, int] = Field(
        (2, 8, 8), description="Extent of a patch: frames or slices, then pixels in y and x."
    )
    width: int = Field(96, ge=6, description="Channels of the encoder: the length d of a feature vector.")
    depth: int = Field(4, ge=1, description="Transformer blocks of the encoder.")
    heads: int = Field(4, ge=1, description="Attention heads; they divide both widths.")
    decoder_width: int = Field(64, ge=6, description="Channels of the decoder, which only training needs.")
    decoder_depth: int = Field(2, ge=1, description="Transformer blocks of the decoder.")
    mask_fraction: float = Field(0.75, gt=0, lt=1, description="Share of the patches hidden in training.")
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

    kind: Literal["study"] = Field(description="Kind of extractor.")
    model: str = Field(description="The masked autoencoder among `models`.")


class InceptionExtractorSettings(Settings):
    """Pool-3 features of the 2015 Inception network of the original FID, for single frames."""

    kind: Literal["inception"] = Field(description="Kind of extractor.")
    weights: str | None = Field(
        None,
        description="pytorch-fid's `pt_inception-2015-12-05-6726825d.pth`; without it FID is absent.",
    )
    sha256: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="SHA-256 of the file; required with `weights`."
    )

    @model_validator(mode="after")
    def _weights_come_with_their_hash(self) -> InceptionExtractorSettings:
        if (self.weights is None) != (self.sha256 is None):
            raise ValueError("weights and sha256 go together; a file is read only after its hash was checked")
        return self


ExtractorSettings = Annotated[
    StudyExtractorSettings | InceptionExtractorSettings, Field(discriminator="kind")
]
