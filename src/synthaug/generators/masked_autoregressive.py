"""Masked autoregressive: the tokens of a whole cine's latents in random order, then decoding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pandas as pd
from torch import Tensor

from synthaug.config.generators import MaskedAutoregressiveSettings
from synthaug.diffusion.noise import Noise
from synthaug.generators.latent import LatentGenerator
from synthaug.models.base import TrainableModel
from synthaug.models.latent_autoencoder import LatentAutoencoder
from synthaug.models.masked_autoregression import MaskedAutoregression


class MaskedAutoregressive(LatentGenerator):
    """Tokens of all slices and frames, several a step, on the latents of any autoencoder of cines.

    References
    ----------
    Li et al., Autoregressive image generation without vector quantization, NeurIPS 2024; Li et al., CPGG, 2025.
    docs/generators/masked_autoregressive.md says where this departs from them.
    """

    def __init__(
        self,
        autoencoder: LatentAutoencoder,
        autoregression: MaskedAutoregression,
        settings: MaskedAutoregressiveSettings,
    ) -> None:
        models = {"autoencoder": autoencoder, "autoregression": autoregression}
        super().__init__(autoencoder, models, unconditional=models if settings.sampler.guidance == 0 else ())
        self.autoregression = autoregression
        self.settings = settings

    @classmethod
    def of(
        cls, settings: MaskedAutoregressiveSettings, models: Mapping[str, TrainableModel]
    ) -> MaskedAutoregressive:
        """Made of autoencoder and autoregression; see `LatentGenerator.of`."""
        return cls(
            cast(LatentAutoencoder, models["autoencoder"]),
            cast(MaskedAutoregression, models["autoregression"]),
            settings,
        )

    def draw(self, rows: pd.DataFrame, slices: Tensor) -> Tensor:
        """Latents of whole cycles; see `LatentGenerator.draw`."""
        return self.autoregression.sample(
            self.values(self.autoregression.conditioner, rows),
            self.phases(rows),
            slices,
            Noise(rows["seed"], self.device),
            self.settings.sampler,
            self.settings.steps,
            self.settings.temperature,
        )
