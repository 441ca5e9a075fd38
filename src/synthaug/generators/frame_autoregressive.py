"""Frame-autoregressive: each frame from a diffusion model that knows all frames before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pandas as pd
from torch import Tensor

from synthaug.config.generators import FrameAutoregressiveSettings
from synthaug.diffusion.noise import Noise
from synthaug.generators.latent import LatentGenerator
from synthaug.models.base import TrainableModel
from synthaug.models.latent_autoencoder import LatentAutoencoder
from synthaug.models.sequence_diffusion import SequenceDiffusion


class FrameAutoregressive(LatentGenerator):
    """Frame after frame from end-diastole on; the first is drawn from the null sequence.

    References
    ----------
    Yoon et al., SADM: sequence-aware diffusion model for longitudinal medical image generation, IPMI 2023.
    docs/generators/comparison_methods.md says where this departs from it.
    """

    def __init__(
        self,
        autoencoder: LatentAutoencoder,
        sequence: SequenceDiffusion,
        settings: FrameAutoregressiveSettings,
    ) -> None:
        models = {"autoencoder": autoencoder, "sequence": sequence}
        super().__init__(autoencoder, models, unconditional=models if settings.sampler.unconditional else ())
        self.sequence = sequence
        self.settings = settings

    @classmethod
    def of(
        cls, settings: FrameAutoregressiveSettings, models: Mapping[str, TrainableModel]
    ) -> FrameAutoregressive:
        """Made of autoencoder and sequence; see `LatentGenerator.of`."""
        return cls(
            cast(LatentAutoencoder, models["autoencoder"]),
            cast(SequenceDiffusion, models["sequence"]),
            settings,
        )

    def draw(self, rows: pd.DataFrame, slices: Tensor) -> Tensor:
        """Latents of whole cycles; see `LatentGenerator.draw`."""
        return self.sequence.sample(
            self.values(self.sequence.conditioner, rows),
            self.phases(rows),
            slices,
            Noise(rows["seed"], self.device),
            self.settings.sampler,
        )
