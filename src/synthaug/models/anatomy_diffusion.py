"""Diffusion model of the anatomy at end-diastole, or in any frame by its cardiac phase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from synthaug.config.cascade_models import AnatomyDiffusionSettings
from synthaug.config.generators import SamplerSettings
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.latent_diffusion import ConditionedPredict, LatentDiffusion
from synthaug.networks.conditioning import Kept
from synthaug.networks.embeddings import PhaseEmbedding, describe_stack
from synthaug.networks.unet import LatentUNet


class AnatomyDiffusion(LatentDiffusion):
    """Latent of the end-diastolic frame or, with `frames: all`, of any frame given its cardiac phase p.

    Data        z = (encode(x_ED) - mean) / sd,  (b, c, z, y, x), zero in missing slices
    Forward     z_t = alpha_t z + sigma_t e,  e ~ N(0, I)
    Prediction  f(z_t, slices, t, c [, p]) = z (objective `data`), e, v or the flow velocity
    Loss        w_t |f(z_t, slices, t, c) - target|^2, mean over slices that exist; c replaced by nulls at random

    References
    ----------
    Anatomy-guided residual motion diffusion for controllable 4D cardiac MRI synthesis, 2026, stage 3; Ho and
    Salimans, 2022 (guidance).
    """

    settings: AnatomyDiffusionSettings

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
            channels + 1 + settings.slice_places,
            channels,
            settings.channels,
            settings.blocks,
            self.embedding_size,
            temporal=False,
            dropout=settings.dropout,
        )
        self.phase = PhaseEmbedding(self.embedding_size) if settings.frames == "all" else None

    def prepare(self, store: TensorStore) -> None:
        """Encode the ED frames, or all; take statistics of the latents and of the conditions."""
        frames = range(self.grid.frames if self.phase is not None else 1)
        self.fit_to_fold(store, frames)
        self.fit_normalisation(self.cache.mean[0].float())

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
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Denoising error over the slices that exist."""
        slices = batch["slices"]
        data = self.normalise(batch["latents"], slices)
        predict = self._predictor(batch, slices, batch["phases"])
        return self.diffusion_loss(predict, data, slices, generator), {}

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
            Raw conditions, from `Conditioner.read`.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice is requested.
        noise : Noise
            A stream for each row.
        settings : SamplerSettings
            Solver, steps, guidance.
        phases : Tensor, shape (b,), optional
            Cardiac phase of each frame, 0 (ED) where not given; looked at where trained with `frames: all`.

        Returns
        -------
        Tensor, shape (b, c, z, y, x)
            As the autoencoder encodes them; 0 in slices that are not requested.
        """
        if phases is None:
            phases = slices.new_zeros(len(slices))
        given = (values, slices, phases)
        data = self.solve(self._predictor, given, noise, self.autoencoder.latent_shape, settings)
        return self.denormalise(data, slices)

    def _predictor(self, values: Mapping[str, Tensor], slices: Tensor, phases: Tensor) -> ConditionedPredict:
        def predict(noisy: Tensor, times: Tensor, kept: Kept | None) -> Tensor:
            embedding = self.time(times) + self.conditioner(values, kept).vector
            if self.phase is not None:
                embedding = embedding + self.phase(phases)
            stack = describe_stack(slices, self.settings.slice_places)
            everywhere = stack.expand(-1, -1, -1, *noisy.shape[-2:])
            return self.network(torch.cat([noisy * slices, everywhere], dim=1), slices, embedding)

        return predict
