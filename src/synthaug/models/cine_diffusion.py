"""Diffusion model of whole cines: the latents of all slices and frames in a single pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from einops import repeat
from torch import Tensor, nn

from synthaug.config.generators import SamplerSettings
from synthaug.config.models import CineDiffusionSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.latent_diffusion import LatentDiffusion, Predict
from synthaug.models.latents import channel_statistics
from synthaug.networks.stacked_unet import StackedUNet
from synthaug.networks.transformer import CineTransformer


class CineDiffusion(LatentDiffusion):
    """Latents (t, c, z, y, x) of a cycle from noise at once, given conditions, phases and slices.

    References
    ----------
    An abstract on 4D cine MRI in a single pass: slices stacked on the channels, time and plane convolved. Here
    slices may be missing, every frame knows its cardiac phase, time is cyclic, masks are decoded with the
    images, and a transformer over all patches (Peebles and Xie, ICCV 2023) is the other network.
    """

    mean: Tensor
    standard_deviation: Tensor

    def __init__(
        self,
        settings: CineDiffusionSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        frames = grid.frames // self.autoencoder.frames_per_latent
        shape = self.autoencoder.latent_shape
        self.network = _network(settings, (frames, *shape), self.embedding_size)
        self.register_buffer("mean", torch.zeros(shape[0], 1, 1, 1))
        self.register_buffer("standard_deviation", torch.ones(shape[0], 1, 1, 1))

    def prepare(self, store: TensorStore) -> None:
        """Encode all frames; take statistics of the latents and of the conditions."""
        self.take_fold(store, range(self.grid.frames))
        latents = self.cache.mean[0].float()
        slices = repeat(self.slices, "n 1 z 1 1 -> (n t) 1 z 1 1", t=latents.shape[1])
        mean, deviation = channel_statistics(latents.flatten(0, 1), slices)
        self.mean.copy_(mean)
        self.standard_deviation.copy_(deviation)

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Fresh draws of cines: `latents` (b, t, c, z, y, x), `phases` (b, t), slices, conditions."""
        copies = torch.randint(self.settings.copies, (len(indices),), generator=generator)
        frames = torch.arange(self.cache.mean.shape[2])
        latents = [
            self.cache.draw(int(copy), index, frames, generator)
            for copy, index in zip(copies, indices, strict=True)
        ]
        return {
            "latents": torch.stack(latents),
            "phases": self.phases[indices],
            "slices": self.slices[indices],
            **self.values_of(indices, self.cache.scale[copies, indices]),
        }

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, float]]:
        """Denoising error over existing slices of all frames."""
        slices = batch["slices"][:, None]
        data = (batch["latents"] - self.mean) / self.standard_deviation * slices
        predict = self._predictor(batch, batch["phases"], batch["slices"])
        return self.diffusion_loss(predict, data, slices, generator)

    def sample(
        self,
        values: Mapping[str, Tensor],
        phases: Tensor,
        slices: Tensor,
        noise: Noise,
        settings: SamplerSettings,
    ) -> Tensor:
        """Latents of whole cycles.

        Parameters
        ----------
        values : mapping of str to Tensor, shape (b,)
            Raw conditions, from `Conditions.read`.
        phases : Tensor, shape (b, t)
            From `cardiac_phase`, one a latent frame.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice is asked for.
        noise : Noise
            A stream for each row.
        settings : SamplerSettings
            Solver, steps, guidance.

        Returns
        -------
        Tensor, shape (b, t, c, z, y, x)
            As the autoencoder encodes them; 0 in slices that are not asked for.
        """
        data = self.solve(
            self._predictor(values, phases, slices),
            noise,
            (phases.shape[1], *self.autoencoder.latent_shape),
            settings,
        )
        return (data * self.standard_deviation + self.mean) * slices[:, None]

    def _predictor(self, values: Mapping[str, Tensor], phases: Tensor, slices: Tensor) -> Predict:
        def predict(noisy: Tensor, times: Tensor, kept: Tensor | None) -> Tensor:
            embedding = self.time(times) + self.conditions(values, kept)
            prediction: Tensor = self.network(noisy * slices[:, None], slices, phases, embedding)
            return prediction

        return predict


def _network(settings: CineDiffusionSettings, latent: tuple[int, ...], embedding: int) -> nn.Module:
    """The network of the settings for latents of (t, c, z, y, x)."""
    frames, channels, depth, rows, columns = latent
    if settings.network == "unet":
        return StackedUNet(channels, depth, settings.channels, settings.blocks, embedding)
    for name, length, patch in zip(
        ("latent frames", "rows", "columns"), (frames, rows, columns), settings.patch, strict=True
    ):
        if length % patch:
            raise SynthaugError(
                f"cine_diffusion: {length} {name} of the latent are not divisible by the patch's {patch}; change patch"
            )
    return CineTransformer(
        channels,
        (depth, rows, columns),
        settings.patch,
        settings.width,
        settings.depth,
        settings.heads,
        embedding,
    )
