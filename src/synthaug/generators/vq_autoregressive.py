"""Vector-quantised autoregressive: the codes of a whole cine one after the other, then decoding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pandas as pd
from torch import Tensor

from synthaug.config.generators import VQAutoregressiveSettings
from synthaug.diffusion.noise import Noise
from synthaug.generators.latent import LatentGenerator
from synthaug.models.base import TrainableModel
from synthaug.models.vq_autoencoder import VQAutoencoder
from synthaug.models.vq_autoregression import VQAutoregression


class VQAutoregressive(LatentGenerator):
    """Codes of all frames and slices in raster order, on a vector-quantised autoencoder of cines.

    References
    ----------
    Yan et al., VideoGPT: video generation using VQ-VAE and transformers, 2021. docs/generators/vq_autoregressive.md says where this
    departs from it.
    """

    def __init__(
        self,
        autoencoder: VQAutoencoder,
        autoregression: VQAutoregression,
        settings: VQAutoregressiveSettings,
    ) -> None:
        models = {"autoencoder": autoencoder, "autoregression": autoregression}
        super().__init__(autoencoder, models, unconditional=models if settings.sampler.guidance == 0 else ())
        self.autoregression = autoregression
        self.settings = settings

    @classmethod
    def of(cls, settings: VQAutoregressiveSettings, models: Mapping[str, TrainableModel]) -> VQAutoregressive:
        """Made of autoencoder and autoregression; see `LatentGenerator.of`."""
        return cls(
            cast(VQAutoencoder, models["autoencoder"]),
            cast(VQAutoregression, models["autoregression"]),
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
            int(rows["n_slices"].max()),
        )
