"""Diffusion model of the anatomy at end-diastole, or in any frame by its cardiac phase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from einops import rearrange, repeat
from torch import Tensor

from synthaug.config.generators import SamplerSettings
from synthaug.config.models import AnatomyDiffusionSettings
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.latent_diffusion import LatentDiffusion, Predict
from synthaug.models.latents import channel_statistics
from synthaug.networks.conditions import PhaseEmbedding
from synthaug.networks.unet import LatentUNet


class AnatomyDiffusion(LatentDiffusion):
    """The latent of one frame, given diagnosis, volumes, slice count and vendor where known.

    Trained with `frames: ed` that frame is ED; with `frames: all` it is any, and its phase a further condition.
    """

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
        self.phase = PhaseEmbedding(self.embedding_size) if settings.frames == "all" else None
        self.register_buffer("mean", torch.zeros(channels, 1, 1, 1))
        self.register_buffer("standard_deviation", torch.ones(channels, 1, 1, 1))

    def prepare(self, store: TensorStore) -> None:
        """Encode the ED frames, or all; take statistics of the latents and of the conditions."""
        frames = range(self.grid.frames if self.phase is not None else 1)
        self.take_fold(store, frames)
        latents = rearrange(self.cache.mean[0].float(), "n t c z y x -> (n t) c z y x")
        slices = repeat(self.slices, "n 1 z 1 1 -> (n t) 1 z 1 1", t=len(frames))
        mean, deviation = channel_statistics(latents, slices)
        self.mean.copy_(mean)
        self.standard_deviation.copy_(deviation)

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Fresh draws of frames: `latents` (b, c, z, y, x), `phases` (b,), `slices` and conditions."""
        copies = torch.randint(self.settings.copies, (len(indices),), generator=generator)
        frames = torch.zeros(len(indices), dtype=torch.long)
        if self.phase is not None:
            frames = torch.randint(self.grid.frames, (len(indices),), generator=generator)
        latents = [
            self.cache.draw(int(copy), index, frame[None], generator)[0]
            for copy, index, frame in zip(copies, indices, frames, strict=True)
        ]
        values = self.values_of(indices, self.cache.scale[copies, indices])
        return {
            "latents": torch.stack(latents),
            "phases": self.phases[indices, frames],
            "slices": self.slices[indices],
            **values,
        }

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, float]]:
        """Denoising error over the slices that exist."""
        slices = batch["slices"]
        data = (batch["latents"] - self.mean) / self.standard_deviation * slices
        predict = self._predictor(batch, slices, batch["phases"])
        return self.diffusion_loss(predict, data, slices, generator)

    def sample(
        self,
        values: Mapping[str, Tensor],
        slices: Tensor,
        noise: Noise,
        settings: SamplerSettings,
        phases: Tensor | None = None,
    ) -> Tensor:
        """Latents of new frames.

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
        phases : Tensor, shape (b,), optional
            Cardiac phase of each frame, 0 (ED) where not given; looked at where trained with `frames: all`.

        Returns
        -------
        Tensor, shape (b, c, z, y, x)
            As the autoencoder encodes them; 0 in slices that are not asked for.
        """
        if phases is None:
            phases = slices.new_zeros(len(slices))
        predict = self._predictor(values, slices, phases)
        data = self.solve(predict, noise, self.autoencoder.latent_shape, settings)
        return (data * self.standard_deviation + self.mean) * slices

    def _predictor(self, values: Mapping[str, Tensor], slices: Tensor, phases: Tensor) -> Predict:
        def predict(noisy: Tensor, times: Tensor, kept: Tensor | None) -> Tensor:
            embedding = self.time(times) + self.conditions(values, kept)
            if self.phase is not None:
                embedding = embedding + self.phase(phases)
            everywhere = slices.expand(-1, -1, -1, *noisy.shape[-2:])
            return self.network(torch.cat([noisy * slices, everywhere], dim=1), slices, embedding)

        return predict
