"""Diffusion model of the anatomy at end-diastole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from synthaug.config.generators import SamplerSettings
from synthaug.config.models import AnatomyDiffusionSettings
from synthaug.diffusion.noise import Noise
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.latent_diffusion import LatentDiffusion, Predict
from synthaug.models.latents import encode_cines
from synthaug.networks.unet import LatentUNet
from synthaug.store import TensorStore


class AnatomyDiffusion(LatentDiffusion):
    """The latent of the ED frame, given diagnosis, volumes, slice count and vendor where known."""

    mean: Tensor
    standard_deviation: Tensor

    def __init__(
        self,
        settings: AnatomyDiffusionSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        channels = self.autoencoder.latent_shape[0]
        self.network = LatentUNet(
            channels + 1,
            channels,
            settings.channels,
            settings.blocks,
            self.embedding_size,
            temporal=False,
        )
        self.register_buffer("mean", torch.zeros(channels, 1, 1, 1))
        self.register_buffer("standard_deviation", torch.ones(channels, 1, 1, 1))

    def prepare(self, store: TensorStore) -> None:
        """Encode the ED frames; take statistics of the latents and of the conditions."""
        self.take_conditions(store)
        self.slices = torch.from_numpy(store.slice_mask).float()[:, None, :, None, None]
        self.cache = encode_cines(
            self.autoencoder, store, [0], self.settings.copies, self.settings.augmentation
        )
        mean, deviation = channel_statistics(self.cache.mean[0, :, 0].float(), self.slices)
        self.mean.copy_(mean)
        self.standard_deviation.copy_(deviation)

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Fresh draws of ED latents, `latents` (b, c, z, y, x), with `slices` and conditions."""
        copies = torch.randint(self.settings.copies, (len(indices),), generator=generator)
        frames = torch.tensor([0])
        latents = [
            self.cache.draw(int(copy), index, frames, generator)[0]
            for copy, index in zip(copies, indices, strict=True)
        ]
        values = self.values_of(indices, self.cache.scale[copies, indices])
        return {"latents": torch.stack(latents), "slices": self.slices[indices], **values}

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, float]]:
        """Denoising error over the slices that exist."""
        slices = batch["slices"]
        data = (batch["latents"] - self.mean) / self.standard_deviation * slices
        return self.diffusion_loss(self._predictor(batch, slices), data, slices, generator)

    def sample(
        self, values: Mapping[str, Tensor], slices: Tensor, noise: Noise, settings: SamplerSettings
    ) -> Tensor:
        """Latents of new ED frames.

        Parameters
        ----------
        values : mapping of str to Tensor, shape (b,)
            Raw conditions, from `Conditions.read`.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice is asked for.
        noise : Noise
            A stream for each row.
        settings : SamplerSettings
            Solver, steps, guidance.

        Returns
        -------
        Tensor, shape (b, c, z, y, x)
            As the autoencoder encodes them; 0 in slices that are not asked for.
        """
        data = self.solve(self._predictor(values, slices), noise, self.autoencoder.latent_shape, settings)
        return (data * self.standard_deviation + self.mean) * slices

    def _predictor(self, values: Mapping[str, Tensor], slices: Tensor) -> Predict:
        def predict(noisy: Tensor, times: Tensor, kept: Tensor | None) -> Tensor:
            embedding = self.time(times) + self.conditions(values, kept)
            everywhere = slices.expand(-1, -1, -1, *noisy.shape[-2:])
            return self.network(torch.cat([noisy * slices, everywhere], dim=1), slices, embedding)

        return predict


def channel_statistics(latents: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (c, 1, 1, 1) of latents (n, c, z, y, x) over existing slices."""
    weights = slices.expand(-1, -1, -1, *latents.shape[-2:])
    count = weights.sum()
    mean = (latents * weights).sum(dim=(0, 2, 3, 4)) / count
    centred = (latents - mean[:, None, None, None]) * weights
    deviation = (centred.square().sum(dim=(0, 2, 3, 4)) / count).sqrt()
    return mean[:, None, None, None], deviation.clamp(min=1e-6)[:, None, None, None]
