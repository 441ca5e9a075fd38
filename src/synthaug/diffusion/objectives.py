"""What a network is trained to predict, and how data and noise follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from synthaug.diffusion.schedules import Schedule

#: Bounds the weight of nearly clean samples where the data itself is predicted.
_SMALLEST_VARIANCE = 0.05


@dataclass(frozen=True)
class Objective:
    """A prediction target.

    Parameters
    ----------
    name : str
        ``"data"``: the data itself, with errors weighted as those of v (Li and He, 2025: a network
        that is narrower than what it denoises need not carry the noise). ``"epsilon"``: the noise (Ho et al., NeurIPS 2020). ``"v"``: alpha noise - sigma data
        (Salimans and Ho, ICLR 2022). ``"flow"``: noise - data, with times drawn from a
        logit-normal distribution (Esser et al., ICML 2024).
    schedule : Schedule
        The path between data and noise.
    """

    name: str
    schedule: Schedule

    def __post_init__(self) -> None:
        if self.name not in ("data", "epsilon", "v", "flow"):
            raise ValueError(f"unknown objective {self.name!r}; use data, epsilon, v or flow")

    @property
    def last_time(self) -> float:
        """Time at which sampling starts: where data can still be recovered from the prediction."""
        # Pure noise determines no x_0 if only the noise is predicted: x_0 = (x - sigma e) / alpha.
        return 0.99 if self.name == "epsilon" else 1.0

    def draw_times(self, count: int, generator: torch.Generator) -> Tensor:
        """Training times, shape (count,), in [0, last_time)."""
        if self.name == "flow":
            return torch.sigmoid(torch.randn(count, generator=generator))
        # One draw a stratum: the batch covers all noise levels, each time stays uniform.
        strata = torch.randperm(count, generator=generator)
        return self.last_time * (strata + torch.rand(count, generator=generator)) / count

    def target(self, data: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """What the network should answer; `time` broadcasts against the data."""
        if self.name == "data":
            return data
        if self.name == "epsilon":
            return noise
        if self.name == "flow":
            return noise - data
        alpha, sigma = self.schedule(time)
        return alpha * noise - sigma * data

    def weight(self, time: Tensor) -> Tensor:
        """Weight of the squared error of a prediction."""
        if self.name == "data":
            _, sigma = self.schedule(time)
            return 1 / (sigma**2).clamp(min=_SMALLEST_VARIANCE)
        return torch.ones_like(time)

    def split(self, noisy: Tensor, prediction: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Data and noise that a prediction implies; `noisy` = alpha data + sigma noise."""
        alpha, sigma = self.schedule(time)
        if self.name == "data":
            return prediction, (noisy - alpha * prediction) / sigma
        if self.name == "epsilon":
            return (noisy - sigma * prediction) / alpha, prediction
        if self.name == "flow":
            total = alpha + sigma
            return (noisy - sigma * prediction) / total, (noisy + alpha * prediction) / total
        norm = alpha**2 + sigma**2
        return (alpha * noisy - sigma * prediction) / norm, (sigma * noisy + alpha * prediction) / norm
