"""Diffusion model of cardiac motion: how all frames' latents differ from the end-diastolic one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from einops import rearrange, repeat
from torch import Tensor

from synthaug.config.cascade_models import MotionDiffusionSettings
from synthaug.config.generators import SamplerSettings
from synthaug.data.store import TensorStore
from synthaug.diffusion.draws import normal_like, uniform
from synthaug.diffusion.noise import Noise
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.latent_diffusion import ConditionedPredict, LatentDiffusion
from synthaug.models.motion_network import MotionNetwork
from synthaug.networks.conditioning import Kept
from synthaug.networks.embeddings import PhaseEmbedding, describe_stack
from synthaug.networks.unet import LatentUNet


class MotionDiffusion(LatentDiffusion):
    """Latents of a whole cycle at once, given the ED latent z_0, conditions c and the phase p of each frame.

    Data        r_k = (z_k - z_0) / sd or, with `target: latent`, (z_k - mean) / sd,  (b, t, c, z, y, x)
    Forward     r_t = alpha_t r + sigma_t e,  e ~ N(0, I);  frame 0 is never noised
    Prediction  f(r_t, z_0, slices, p, t, c) = r (objective `data`), e, v or the flow velocity
    Loss        w_t |f(...) - target|^2, mean over slices that exist of all frames but ED; c replaced by nulls at random,
                z_0 shown with noise where `anatomy_noise` asks for it

    Attention between frames has no positions: they differ by their cyclic phase alone, so that the last
    frame leads back to the first. With a motion network M the data are its codes: z_k = z_0 + M(z_0, z_k).

    References
    ----------
    Anatomy-guided residual motion diffusion for controllable 4D cardiac MRI synthesis, 2026, stage 4; Ho et al.,
    Cascaded diffusion models, JMLR 2022 (noise on what the second model is given).
    """

    settings: MotionDiffusionSettings
    target_mean: Tensor
    target_deviation: Tensor

    def __init__(
        self,
        settings: MotionDiffusionSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.target = settings.target
        self.drawn = min(settings.frames_drawn or grid.frames, grid.frames)
        channels = self.autoencoder.latent_shape[0]
        self.phase = PhaseEmbedding(self.embedding_size)
        self.network = LatentUNet(
            2 * channels + 1 + settings.slice_places,
            channels,
            settings.channels,
            settings.blocks,
            self.embedding_size,
            temporal=True,
            dropout=settings.dropout,
        )
        self.register_buffer("target_mean", torch.zeros(channels, 1, 1, 1))
        self.register_buffer("target_deviation", torch.ones(channels, 1, 1, 1))

    def prepare(self, store: TensorStore) -> None:
        """Encode all frames; take statistics of ED latents, of what is drawn, and of conditions."""
        self.fit_to_fold(store, range(self.grid.frames))
        if "motion_network" in self.needs:
            network = cast(MotionNetwork, self.needs["motion_network"])
            self.cache = network.replace_motion(self.cache, self.slices)
        latents = self.cache.mean[0].float()
        self.fit_normalisation(latents[:, :1])
        offset, spread = self.statistics(latents[:, 1:] - self._reference(latents[:, 0]))
        if self.target == "residual":
            # Residuals keep their zero: they are divided by their size about zero, not centred.
            offset, spread = torch.zeros_like(offset), (offset**2 + spread**2).sqrt()
        self.target_mean.copy_(offset)
        self.target_deviation.copy_(spread)

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Fresh draws of cines: `latents` (b, t, c, z, y, x), `phases` (b, t), slices, conditions."""
        copies = torch.randint(self.settings.copies, (len(indices),), generator=generator)
        latents, phases = [], []
        for copy, index in zip(copies, indices, strict=True):
            others = torch.randperm(self.grid.frames - 1, generator=generator)[: self.drawn - 1] + 1
            frames = torch.cat([torch.tensor([0]), others.sort().values])
            latents.append(self.cache.draw(int(copy), index, frames, generator))
            phases.append(self.phases[index, frames])
        values = self.values_of(indices, self.cache.scale[copies, indices])
        return {
            "latents": torch.stack(latents),
            "phases": torch.stack(phases),
            "slices": self.slices[indices],
            **values,
        }

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Denoising error over existing slices of all frames but ED."""
        latents, slices = batch["latents"], batch["slices"][:, None]
        data = self._normalise_target(latents, latents[:, 0], batch["slices"])
        shown = self._disturbed(latents[:, 0], generator)
        anatomy = self.normalise(shown, batch["slices"])
        first = self._normalise_target(shown[:, None], shown, batch["slices"])[:, 0]
        moving = torch.ones(latents.shape[1], device=latents.device)
        moving[0] = 0
        weights = slices * moving.view(1, -1, 1, 1, 1, 1)
        predict = self._predictor(batch, batch["phases"], anatomy, first, batch["slices"])
        return self.diffusion_loss(predict, data, weights, generator), {}

    def sample(
        self,
        anatomy: Tensor,
        values: Mapping[str, Tensor],
        phases: Tensor,
        slices: Tensor,
        noise: Noise,
        settings: SamplerSettings,
    ) -> Tensor:
        """Latents of whole cycles that start at given ED latents.

        Parameters
        ----------
        anatomy : Tensor, shape (b, c, z, y, x)
            ED latents.
        values : mapping of str to Tensor, shape (b,)
            Raw conditions, from `Conditioner.read`.
        phases : Tensor, shape (b, t)
            From `cardiac_phase`.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice exists.
        noise : Noise
            A stream for each row.
        settings : SamplerSettings
            Solver, steps, guidance.

        Returns
        -------
        Tensor, shape (b, t, c, z, y, x)
            Frame 0 is `anatomy`, bit for bit.
        """
        normalised = self.normalise(anatomy, slices)
        first = self._normalise_target(anatomy[:, None], anatomy, slices)[:, 0]
        data = self.solve(
            self._predictor,
            (values, phases, normalised, first, slices),
            noise,
            (phases.shape[1], *anatomy.shape[1:]),
            settings,
        )
        drawn = (data * self.target_deviation + self.target_mean) * slices[:, None]
        cine = self._reference(anatomy) + drawn
        cine[:, 0] = anatomy
        return cine

    def _disturbed(self, anatomy: Tensor, generator: torch.Generator) -> Tensor:
        """ED latents (b, c, z, y, x) as the network is shown them in training: with noise of another SD for each."""
        if not self.settings.anatomy_noise:
            return anatomy
        size = uniform((len(anatomy), 1, 1, 1, 1), anatomy.device, generator)
        noise = self.settings.anatomy_noise * size * normal_like(anatomy, generator)
        return anatomy + self.standard_deviation * noise

    def _reference(self, anatomy: Tensor) -> Tensor:
        """What latents are drawn relative to, (b, 1, c, z, y, x): the ED latent, or nothing."""
        return anatomy[:, None] if self.target == "residual" else torch.zeros_like(anatomy[:, None])

    def _normalise_target(self, latents: Tensor, anatomy: Tensor, slices: Tensor) -> Tensor:
        """What is drawn of latents (b, t, c, z, y, x) whose ED is `anatomy` (b, c, z, y, x)."""
        drawn = latents - self._reference(anatomy)
        return (drawn - self.target_mean) / self.target_deviation * slices[:, None]

    def _predictor(
        self, values: Mapping[str, Tensor], phases: Tensor, anatomy: Tensor, first: Tensor, slices: Tensor
    ) -> ConditionedPredict:
        """The network on frames of which the `first`, (b, c, z, y, x), is known."""
        frames = phases.shape[1]
        phase = self.phase(phases)
        stack = describe_stack(slices, self.settings.slice_places)
        beside = torch.cat([anatomy, stack.expand(-1, -1, -1, *anatomy.shape[-2:])], dim=1)
        beside = repeat(beside, "b c z y x -> (b t) c z y x", t=frames)
        folded_slices = repeat(slices, "b 1 z 1 1 -> (b t) 1 z 1 1", t=frames)

        def predict(noisy: Tensor, times: Tensor, kept: Kept | None) -> Tensor:
            embedding = phase + (self.time(times) + self.conditioner(values, kept).vector)[:, None]
            noisy = torch.cat([first[:, None], noisy[:, 1:]], dim=1)
            folded = rearrange(noisy, "b t c z y x -> (b t) c z y x") * folded_slices
            answer = self.network(
                torch.cat([folded, beside], dim=1),
                folded_slices,
                rearrange(embedding, "b t d -> (b t) d"),
                frames,
            )
            return rearrange(answer, "(b t) c z y x -> b t c z y x", t=frames)

        return predict
