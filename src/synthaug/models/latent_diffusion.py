"""What diffusion models on the autoencoder's latents have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from synthaug.config.generators import SamplerSettings
from synthaug.config.models import LatentDiffusionSettings
from synthaug.data.store import TensorStore
from synthaug.diffusion.guidance import guide
from synthaug.diffusion.noise import Noise
from synthaug.diffusion.objectives import Objective
from synthaug.diffusion.samplers import sample
from synthaug.diffusion.schedules import Schedule
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.coding import LatentCoder
from synthaug.models.conditions import VOLUMES, Conditions, raw_values, vocabulary
from synthaug.models.latents import LatentCache, encode_cines
from synthaug.models.phases import cardiac_phase
from synthaug.networks.conditions import TimeEmbedding

#: Network prediction from a noisy sample, its times (b,) and which conditions are kept (b, names).
Predict = Callable[[Tensor, Tensor, Tensor | None], Tensor]


class LatentDiffusion(TrainableModel):
    """Conditions, diffusion time, objective, loss and sampling; a kind adds its network and data."""

    autoencoder: LatentCoder
    cache: LatentCache

    def __init__(
        self,
        settings: LatentDiffusionSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.settings = settings
        # Set past nn.Module, like `needs`: it is trained and saved elsewhere.
        object.__setattr__(self, "autoencoder", needs["autoencoder"])
        self.objective = Objective(settings.objective, Schedule(settings.schedule))
        self.embedding_size = 2 * settings.channels[0]
        self.time = TimeEmbedding(self.embedding_size)
        self.conditions = Conditions(settings.conditions, self.fold_facts["vocabulary"], self.embedding_size)

    @classmethod
    def facts(cls, settings: LatentDiffusionSettings, store: TensorStore) -> dict[str, Any]:
        """The vocabulary of the categorical conditions."""
        return {"vocabulary": vocabulary(store.table, settings.conditions)}

    def values_of(self, indices: list[int], scale: Tensor) -> dict[str, Tensor]:
        """Raw conditions of training subjects, volumes and mass as enlarged by `scale` (b,) in the plane."""
        values = {name: column[indices] for name, column in self.training_values.items()}
        return {name: value * scale**2 if name in VOLUMES else value for name, value in values.items()}

    def take_fold(self, store: TensorStore, frames: Sequence[int]) -> None:
        """Keep the training fold: conditions and their statistics, slices, phases, encoded copies of `frames`."""
        self.conditions.fit(store.table)
        self.training_values = self.conditions.read(store.table)
        self.slices = torch.from_numpy(store.slice_mask).float()[:, None, :, None, None]
        es_phase = torch.from_numpy(raw_values(store.table, "es_phase"))
        self.phases = cardiac_phase(es_phase, self.grid.frames, self.autoencoder.frames_per_latent)
        self.cache = encode_cines(
            self.autoencoder, store, frames, self.settings.copies, self.settings.augmentation
        )

    def draw_kept(self, count: int, generator: torch.Generator) -> Tensor:
        """Which conditions a training item keeps, (count, names)."""
        names = len(self.settings.conditions)
        each = torch.rand(count, names, generator=generator) >= self.settings.drop_condition
        every = torch.rand(count, 1, generator=generator) >= self.settings.drop_all_conditions
        return each & every

    def diffusion_loss(
        self, predict: Predict, data: Tensor, weights: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        """Mean error of the prediction where `weights` are 1.

        Parameters
        ----------
        predict : callable
            The network.
        data : Tensor, shape (b, ...)
            Normalised latents.
        weights : Tensor
            Broadcasts against the data; 0 where there is nothing to learn.
        generator : torch.Generator
            Of times, noise and dropped conditions.
        """
        count, extra = len(data), (1,) * (data.ndim - 1)
        times = self.objective.draw_times(count, generator)
        noise = torch.randn(data.shape, generator=generator).to(data)
        kept = self.draw_kept(count, generator).to(data.device)
        times = times.to(data)
        spread = times.view(count, *extra)
        alpha, sigma = self.objective.schedule(spread)
        prediction = predict(alpha * data + sigma * noise, times, kept).float()
        target = self.objective.target(data, noise, spread)
        if self.settings.loss == "huber":
            errors = 2 * functional.huber_loss(prediction, target, reduction="none")  # squares, when small
        else:
            errors = (prediction - target) ** 2
        errors = errors * self.objective.weight(spread)
        loss = (errors * weights).sum() / weights.expand_as(errors).sum()
        return loss, {}

    @torch.no_grad()
    def solve(
        self, predict: Predict, noise: Noise, shape: Sequence[int], settings: SamplerSettings
    ) -> Tensor:
        """Sample normalised latents (b, *shape) with classifier-free guidance."""
        start = noise(*shape)
        count = len(start)
        none = torch.zeros(count, len(self.settings.conditions), dtype=torch.bool, device=start.device)

        def denoise(noisy: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
            times = time.expand(count)
            low, high = settings.guidance_interval
            # Without conditions there is nothing to guide towards.
            guided = self.settings.conditions and low <= float(time) <= high
            scale = settings.guidance if guided else 1.0
            prediction = guide(
                lambda: predict(noisy, times, None), lambda: predict(noisy, times, none), scale
            )
            return self.objective.split(noisy, prediction.float(), time)

        return sample(
            denoise,
            start,
            self.objective.schedule,
            settings.name,
            settings.steps,
            self.objective.last_time,
            redraw=lambda: noise(*shape),
        )
