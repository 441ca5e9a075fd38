"""Diffusion objective: what a network is trained to predict, its loss, and how data follow from predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from synthaug.config.generators import SamplerSettings
from synthaug.diffusion.draws import normal, normal_like, permutation, uniform
from synthaug.diffusion.noise import Noise
from synthaug.diffusion.samplers import sample
from synthaug.diffusion.schedules import Schedule

#: Prediction of a network for noisy data (b, ...) and times (b,).
Predict = Callable[[Tensor, Tensor], Tensor]

#: The same, guided towards the conditions by a scale: 1 is the conditional prediction, 0 the unconditional one.
GuidedPredict = Callable[[Tensor, Tensor, float], Tensor]

#: Told the times (b,), data, the data that the predictions imply, and the weights of a loss.
Observer = Callable[[Tensor, Tensor, Tensor, Tensor], None]

_CPU = torch.device("cpu")
#: Bounds the weight of nearly clean samples where the data itself is predicted.
_SMALLEST_VARIANCE = 0.05


class DiffusionObjective:
    """Denoising of anything that a network can predict: latents of frames or cines, or single tokens.

    Data        x_0, normalised, (b, ...)
    Forward     x_t = alpha_t x_0 + sigma_t e,  e ~ N(0, I),  t in [0, 1]
    Prediction  f(x_t, t) = x_0 (`data`), e (`epsilon`), alpha_t e - sigma_t x_0 (`v`) or e - x_0 (`flow`)
    Loss        w_t |f(x_t, t) - target|^2, or Huber's;  w_t = 1 / max(sigma_t^2, 0.05) for `data`, else 1

    Parameters
    ----------
    target : str
        What the network predicts. Times are uniform, one a stratum of the batch; for ``"flow"`` they are
        logit-normal.
    schedule : Schedule
        alpha and sigma.
    error : str
        ``"squared"``, or ``"huber"`` with threshold 1.

    Attributes
    ----------
    observer : callable or None
        Told of every loss, for figures of a trained model; see `Observer`.

    References
    ----------
    Li and He, Back to basics, 2025 (`data`: a network narrower than its data need not carry the noise); Ho et
    al., NeurIPS 2020 (`epsilon`); Salimans and Ho, ICLR 2022 (`v`); Esser et al., ICML 2024 (`flow`).
    """

    def __init__(
        self, target: str, schedule: Schedule, error: Literal["squared", "huber"] = "squared"
    ) -> None:
        if target not in ("data", "epsilon", "v", "flow"):
            raise ValueError(f"unknown objective {target!r}; use data, epsilon, v or flow")
        self.predicts, self.schedule, self.error = target, schedule, error
        self.observer: Observer | None = None

    @property
    def last_time(self) -> float:
        """Time at which sampling starts: where data can still be recovered from the prediction."""
        # Pure noise determines no x_0 if only the noise is predicted: x_0 = (x - sigma e) / alpha.
        return 0.99 if self.predicts == "epsilon" else 1.0

    def draw_times(self, count: int, generator: torch.Generator, device: torch.device = _CPU) -> Tensor:
        """Training times, shape (count,), in [0, last_time); drawn on the device: of tokens there are many."""
        if self.predicts == "flow":
            return torch.sigmoid(normal((count,), device, generator))
        # One draw a stratum: the batch covers all noise levels, each time stays uniform.
        strata = permutation(count, device, generator)
        return self.last_time * (strata + uniform((count,), device, generator)) / count

    def target(self, data: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """What the network should predict; `time` broadcasts against the data."""
        if self.predicts == "data":
            return data
        if self.predicts == "epsilon":
            return noise
        if self.predicts == "flow":
            return noise - data
        alpha, sigma = self.schedule(time)
        return alpha * noise - sigma * data

    def weight(self, time: Tensor) -> Tensor:
        """Weight of the error of a prediction."""
        if self.predicts == "data":
            _, sigma = self.schedule(time)
            return 1 / (sigma**2).clamp(min=_SMALLEST_VARIANCE)
        return torch.ones_like(time)

    def split(self, noisy: Tensor, prediction: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Data and noise that a prediction implies; `noisy` = alpha data + sigma noise."""
        alpha, sigma = self.schedule(time)
        if self.predicts == "data":
            return prediction, (noisy - alpha * prediction) / sigma
        if self.predicts == "epsilon":
            return (noisy - sigma * prediction) / alpha, prediction
        if self.predicts == "flow":
            total = alpha + sigma
            return (noisy - sigma * prediction) / total, (noisy + alpha * prediction) / total
        norm = alpha**2 + sigma**2
        return (alpha * noisy - sigma * prediction) / norm, (sigma * noisy + alpha * prediction) / norm

    def loss(self, predict: Predict, data: Tensor, weights: Tensor, generator: torch.Generator) -> Tensor:
        """Mean weighted error of the prediction where `weights` are 1.

        Parameters
        ----------
        predict : callable
            The network; called once, after times and noise are drawn.
        data : Tensor, shape (b, ...)
            Normalised data.
        weights : Tensor
            Broadcasts against the data; 0 where there is nothing to learn.
        generator : torch.Generator
            Of times and noise; on the CPU. Where they are drawn: `synthaug.diffusion.draws`.
        """
        times = self.draw_times(len(data), generator, data.device).to(data)
        noise = normal_like(data, generator)
        spread = times.view(-1, *(1,) * (data.ndim - 1))
        alpha, sigma = self.schedule(spread)
        noisy = alpha * data + sigma * noise
        prediction = predict(noisy, times).float()
        if self.observer is not None:
            self.observer(times, data, self.split(noisy, prediction, spread)[0], weights)
        target = self.target(data, noise, spread)
        if self.error == "huber":
            errors = 2 * functional.huber_loss(prediction, target, reduction="none")  # squares, when small
        else:
            errors = (prediction - target) ** 2
        errors = errors * self.weight(spread)
        return (errors * weights).sum() / weights.expand_as(errors).sum()

    @torch.no_grad()
    def solve(
        self,
        predict: GuidedPredict,
        noise: Noise,
        shape: Sequence[int],
        settings: SamplerSettings,
        mean: Tensor | None = None,
    ) -> Tensor:
        """Sample normalised data (b, *shape), with classifier-free guidance.

        Parameters
        ----------
        predict : callable
            The guided network; its scale is 1 outside of the interval of the guidance.
        noise : Noise
            A stream for each sample.
        shape : sequence of int
            Of one sample.
        settings : SamplerSettings
            Solver, steps, guidance.
        mean : Tensor, shape (b, *shape), optional
            Of the noise that sampling starts from; zero where not given.
        """
        start = noise(*shape)
        if mean is not None:
            start = start + mean
        count = len(start)
        low, high = settings.guidance_interval

        def denoise(noisy: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
            times = noisy.new_full(
                (count,), float(time)
            )  # filled there: a copy would wait for all steps before
            scale = settings.guidance if low <= float(time) <= high else 1.0
            return self.split(noisy, predict(noisy, times, scale).float(), time)

        return sample(
            denoise,
            start,
            self.schedule,
            settings.name,
            settings.steps,
            self.last_time,
            redraw=lambda: noise(*shape),
        )
