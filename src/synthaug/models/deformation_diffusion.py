"""Diffusion model of how a heart deforms from end-diastole to end-systole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor

from synthaug.config.deformation_models import DeformationDiffusionSettings
from synthaug.config.generators import SamplerSettings
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.deformation_network import DeformationNetwork, scaled, systole_of
from synthaug.models.latent_diffusion import ConditionedPredict, LatentDiffusion
from synthaug.models.latents import (
    LatentCache,
    channel_statistics,
    draw_geometries,
    moved_cines,
    scale_of,
)
from synthaug.models.phases import contraction
from synthaug.networks.conditioning import Kept
from synthaug.networks.unet import LatentUNet


class DeformationDiffusion(LatentDiffusion):
    """Code of the motion from ED to ES, given the ED latent z_0 and conditions c.

    Data        d = E(z_0, z_s) / size, (b, k, z, y, x): codes of the deformation network, by their root mean square
    Forward     d_t = alpha_t d + sigma_t e,  e ~ N(0, I)
    Prediction  f(d_t, z_0, slices, t, c) = d (objective `data`), e, v or the flow velocity
    Loss        w_t |f(...) - target|^2, mean over slices that exist; c replaced by nulls at random

    Frame k of a cycle is ED moved by the code scaled by g_k, the contraction at its phase: 0 at ED, 1 at ES, linear
    in the phase between, and back.

    References
    ----------
    Kim and Ye, Diffusion deformable model for 4D temporal medical image generation, MICCAI 2022. There the latent code
    is the diffusion network's answer to a real ED and a real ES; here a diffusion model draws it, since no ES is given.
    """

    settings: DeformationDiffusionSettings
    code_size: Tensor

    def __init__(
        self,
        settings: DeformationDiffusionSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        channels, code_channels = self.autoencoder.latent_shape[0], self.deformation.code_shape[0]
        self.network = LatentUNet(
            code_channels + channels + 1,
            code_channels,
            settings.channels,
            settings.blocks,
            self.embedding_size,
            temporal=False,
        )
        self.register_buffer("code_size", torch.ones(code_channels, 1, 1, 1))

    @property
    def deformation(self) -> DeformationNetwork:
        """The network of the codes."""
        return cast(DeformationNetwork, self.needs["deformation_network"])

    @torch.no_grad()
    def prepare(self, store: TensorStore) -> None:
        """Encode ED of all copies and the code of its motion; take statistics of both and of the conditions."""
        self.fit_to_table(store)
        copies, systole = self.settings.copies, systole_of(store)
        shape = (copies, len(store), 1, *self.autoencoder.latent_shape)
        mean, log_variance = (torch.empty(shape, dtype=torch.float16) for _ in range(2))
        self.codes = torch.empty((copies, len(store), *self.deformation.code_shape), dtype=torch.float16)
        geometries = draw_geometries(len(store), copies, self.settings.augmentation)
        arrays = mean, log_variance, self.codes
        moved = moved_cines(store, range(self.grid.frames), geometries, self.device, arrays)
        for copy, index, cine, slices in moved:
            encoded, spread = self.autoencoder.encode_cine(cine[:, [0, systole[index]]], slices)
            mean[copy, index], log_variance[copy, index] = encoded[0, :1].cpu(), spread[0, :1].cpu()
            self.codes[copy, index] = self.deformation.encode(encoded[:, 0], encoded[:, 1], slices)[0].cpu()
        self.cache = LatentCache(mean, log_variance, scale_of(geometries))
        self.fit_normalisation(mean[0].float())
        # Codes keep their zero, which is no motion: they are divided by their size about zero, not centred.
        centre, deviation = channel_statistics(self.codes[0].float(), self.slices)
        self.code_size.copy_((centre**2 + deviation**2).sqrt())

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Fresh draws of ED, `latents` (b, c, z, y, x), with the `codes` of its motion, slices and conditions."""
        copies = torch.randint(self.settings.copies, (len(indices),), generator=generator)
        first = torch.tensor([0])
        latents = [
            self.cache.draw(int(copy), index, first, generator)[0]
            for copy, index in zip(copies, indices, strict=True)
        ]
        return {
            "latents": torch.stack(latents),
            "codes": self.codes[copies, indices].float(),
            "slices": self.slices[indices],
            **self.values_of(indices, self.cache.scale[copies, indices]),
        }

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Denoising error over the slices that exist."""
        slices = batch["slices"]
        anatomy = self.normalise(batch["latents"], slices)
        predict = self._predictor(batch, anatomy, slices)
        return self.diffusion_loss(predict, batch["codes"] / self.code_size, slices, generator), {}

    def sample(
        self,
        anatomy: Tensor,
        values: Mapping[str, Tensor],
        slices: Tensor,
        noise: Noise,
        settings: SamplerSettings,
    ) -> Tensor:
        """Codes of the motion from given ED latents to an ES.

        Parameters
        ----------
        anatomy : Tensor, shape (b, c, z, y, x)
            ED latents.
        values : mapping of str to Tensor, shape (b,)
            Raw conditions, from `Conditioner.read`.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice exists.
        noise : Noise
            A stream for each row.
        settings : SamplerSettings
            Solver, steps, guidance.

        Returns
        -------
        Tensor, shape (b, k, z, y, x)
            As the deformation network encodes them; 0 in slices that do not exist.
        """
        given = (values, self.normalise(anatomy, slices), slices)
        data = self.solve(self._predictor, given, noise, self.deformation.code_shape, settings)
        return data * self.code_size * slices

    def displacements(self, anatomy: Tensor, code: Tensor, phases: Tensor, slices: Tensor) -> Tensor:
        """Displacement (b, t, 3, z, y, x) of every frame of a cycle from ED, in voxels.

        Parameters
        ----------
        anatomy : Tensor, shape (b, c, z, y', x')
            ED latents.
        code : Tensor, shape (b, k, z, y', x')
            From `sample`.
        phases : Tensor, shape (b, t)
            From `cardiac_phase`.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice exists.
        """
        return self.deformation.displacements(scaled(code, contraction(phases)), anatomy, slices)

    def _predictor(self, values: Mapping[str, Tensor], anatomy: Tensor, slices: Tensor) -> ConditionedPredict:
        beside = torch.cat([anatomy, slices.expand(-1, -1, -1, *anatomy.shape[-2:])], dim=1)

        def predict(noisy: Tensor, times: Tensor, kept: Kept | None) -> Tensor:
            embedding = self.time(times) + self.conditioner(values, kept).vector
            answer: Tensor = self.network(torch.cat([noisy * slices, beside], dim=1), slices, embedding)
            return answer

        return predict
