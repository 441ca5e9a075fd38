"""From noise to data by solving the probability-flow ODE in a few steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from synthaug.diffusion.schedules import Schedule

#: Answers (data, noise) for a noisy sample at a time (a 0-d tensor).
Denoiser = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

SAMPLERS = ("ddim", "dpm_solver", "euler", "heun")


def sample(
    denoise: Denoiser,
    noise: Tensor,
    schedule: Schedule,
    sampler: str,
    steps: int,
    last_time: float = 1.0,
) -> Tensor:
    """Transport noise to data.

    Parameters
    ----------
    denoise : callable
        What the trained network makes of a noisy sample: `Objective.split` of its prediction.
    noise : Tensor
        Standard normal; any shape.
    schedule : Schedule
        The path the network was trained on.
    sampler : str
        ``"ddim"`` (Song et al., ICLR 2021, deterministic), ``"dpm_solver"`` (DPM-Solver++(2M),
        Lu et al., 2022), ``"euler"`` or ``"heun"`` (on dx/dt; for the flow schedule Euler is DDIM).
    steps : int
        Steps, uniform in time; Heun asks the network twice a step, except in the last.
    last_time : float
        Time to start from.

    Returns
    -------
    Tensor
        The sample at time 0.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"unknown sampler {sampler!r}; use one of {', '.join(SAMPLERS)}")
    times = torch.linspace(last_time, 0, steps + 1, dtype=torch.float64)
    alphas, sigmas = (values.tolist() for values in schedule(times))
    state = noise
    previous: tuple[Tensor, float] | None = None  # last data estimate, and its step in log-SNR
    for index in range(steps):
        time = times[index].to(noise)
        alpha, sigma, next_alpha, next_sigma = *_pair(alphas, index), *_pair(sigmas, index)
        alpha, next_alpha, sigma, next_sigma = alphas[index], alphas[index + 1], sigmas[index], sigmas[index + 1]
        data, direction = denoise(state, time)
        if sampler == "ddim":
            state = next_alpha * data + next_sigma * direction
    return state
