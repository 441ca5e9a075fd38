"""Single pass: the latents of a whole cine from one diffusion model, then decoding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pandas as pd
from torch import Tensor

from synthaug.config.generators import SinglePassSettings
from synthaug.diffusion.noise import Noise
from synthaug.generators.latent import LatentGenerator
from synthaug.models.base import TrainableModel
from synthaug.models.cine_diffusion import CineDiffusion
from synthaug.models.latent_autoencoder import LatentAutoencoder


class SinglePass(LatentGenerator):
    """All slices and frames are drawn together, on the latents of any autoencoder of cines.

    References
    ----------
    An abstract on 4D cine MRI in a single pass: a 2D+t vector-quantised autoencoder, six slices stacked on
    the channels of one diffusion model. docs/generators/single_pass.md says where this departs from it.
    """

    def __init__(
        self, autoencoder: LatentAutoencoder, diffusion: CineDiffusion, settings: SinglePassSettings
    ) -> None:
        models = {"autoencoder": autoencoder, "diffusion": diffusion}
        super().__init__(autoencoder, models, unconditional=models if settings.sampler.unconditional else ())
        self.diffusion = diffusion
        self.settings = settings

    @classmethod
    def of(cls, settings: SinglePassSettings, models: Mapping[str, TrainableModel]) -> SinglePass:
        """Made of autoencoder and diffusion; see `LatentGenerator.of`."""
        return cls(
            cast(LatentAutoencoder, models["autoencoder"]),
            cast(CineDiffusion, models["diffusion"]),
            settings,
        )

    def draw(self, rows: pd.DataFrame, slices: Tensor) -> Tensor:
        """Latents of whole cycles; see `LatentGenerator.draw`."""
        return self.diffusion.sample(
            self.values(self.diffusion.conditioner, rows),
            self.phases(rows),
            slices,
            Noise(rows["seed"], self.device),
            self.settings.sampler,
        )
