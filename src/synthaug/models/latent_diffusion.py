"""Diffusion of latents: what the diffusion models of frames, motion and cines have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from synthaug.config.generators import SamplerSettings
from synthaug.config.latent_models import LatentDiffusionSettings
from synthaug.data.store import TensorStore
from synthaug.diffusion.guidance import guided, twice
from synthaug.diffusion.noise import Noise
from synthaug.diffusion.objectives import DiffusionObjective
from synthaug.diffusion.schedules import Schedule
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.conditioned_latents import ConditionedLatents
from synthaug.models.denoising_error import assess_denoising
from synthaug.networks.conditioning import Kept
from synthaug.networks.embeddings import TimeEmbedding

#: Prediction of a network for a noisy sample, its times (b,) and the parts of the conditioning that are kept.
ConditionedPredict = Callable[[Tensor, Tensor, Kept | None], Tensor]


class LatentDiffusion(ConditionedLatents):
    """Conditioned latents with a diffusion objective; a kind adds its data and its network.

    Data        z, as of `ConditionedLatents`
    Forward     z_t = alpha_t z + sigma_t e,  e ~ N(0, I)
    Prediction  f(z_t, t, c), the target of `DiffusionObjective`
    Loss        its error, mean over slices that exist; parts of c replaced by their nulls at random
    Sampling    f(z_t, t, null) + guidance (f(z_t, t, c) - f(z_t, t, null))

    Parameters
    ----------
    token_width, control_channels : int
        Of context tokens and control volumes, for a kind whose network takes them; see `Conditioner`.
    drop_tokens, drop_control : float
        Chances that they are dropped by themselves.

    References
    ----------
    Rombach et al., CVPR 2022 (latents); Ho and Salimans, 2022 (guidance).
    """

    settings: LatentDiffusionSettings

    def __init__(
        self,
        settings: LatentDiffusionSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
        *,
        token_width: int = 0,
        drop_tokens: float = 0.0,
        control_channels: int = 0,
        drop_control: float = 0.0,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.objective = DiffusionObjective(
            settings.objective, Schedule(settings.schedule, settings.noise_shift), settings.loss
        )
        self.embedding_size = 2 * settings.channels[0]
        self.time = TimeEmbedding(self.embedding_size)
        self.conditioner = self.make_conditioner(
            self.embedding_size, token_width, drop_tokens, control_channels, drop_control
        )

    def assess(self, store: TensorStore) -> dict[str, float]:
        """Denoising error by noise level, of training and assessed subjects; see `assess_denoising`."""
        return assess_denoising(self, self.objective, store)

    def diffusion_loss(
        self, predict: ConditionedPredict, data: Tensor, weights: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Error of the prediction with parts of the conditioning dropped; see `DiffusionObjective.loss`."""

        def predict_with_dropout(noisy: Tensor, times: Tensor) -> Tensor:
            kept = self.conditioner.draw_kept(len(noisy), generator)
            return predict(noisy, times, kept.to(noisy.device))

        return self.objective.loss(predict_with_dropout, data, weights, generator)

    def solve(
        self,
        predictor: Callable[..., ConditionedPredict],
        given: Sequence[Tensor | Mapping[str, Tensor]],
        noise: Noise,
        shape: Sequence[int],
        settings: SamplerSettings,
        mean: Tensor | None = None,
        apart: bool | None = None,
    ) -> Tensor:
        """Sample normalised data (b, *shape), with classifier-free guidance where there is anything to guide towards.

        Parameters
        ----------
        predictor : callable
            Takes `given` and gives the network's prediction for such samples.
        given : sequence
            What the samples are conditioned on: tensors (b, ...) and mappings of them.
        noise, shape, settings, mean
            As those of `DiffusionObjective.solve`.
        apart : bool, optional
            Predict with and without the conditions one after the other, in place of one pass of twice the samples.
            None: on a CPU, where the larger pass is no faster and takes more memory.
        """
        if apart is None:
            apart = self.device.type == "cpu"
        alone = cache(lambda: predictor(*given))
        both = cache(lambda: predictor(*map(twice, given)))

        def predict(noisy: Tensor, times: Tensor, scale: float) -> Tensor:
            if scale == 1 or not self.conditioner.conditional:
                return alone()(noisy, times, None)
            nothing = self.conditioner.nothing(len(noisy))
            if scale == 0:
                return alone()(noisy, times, nothing)
            if apart:
                passes = alone()(noisy, times, None), alone()(noisy, times, nothing)
                return guided(torch.cat(passes), scale)
            kept = self.conditioner.all_then_nothing(len(noisy))
            return guided(both()(twice(noisy), twice(times), kept), scale)

        return self.objective.solve(predict, noise, shape, settings, mean)
