"""From noise to data: solvers of the probability-flow ODE in a few steps, and the stochastic reverse chain."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from synthaug.diffusion.schedules import Schedule

#: Answers (data, noise) for a noisy sample and its time (a 0-d tensor on the CPU: no device is waited for).
Denoiser = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def sample(
    denoise: Denoiser,
    noise: Tensor,
    schedule: Schedule,
    sampler: str,
    steps: int,
    last_time: float = 1.0,
    redraw: Callable[[], Tensor] | None = None,
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
        ``"ddim"`` (deterministic; Song et al., ICLR 2021), ``"dpm_solver"`` (DPM-Solver++(2M);
        Lu et al., 2022), ``"euler"`` or ``"heun"`` (on dx/dt; Euler on the flow schedule is DDIM), or
        ``"ddpm"`` (ancestral: fresh noise at every step; Ho et al., NeurIPS 2020).
    steps : int
        Steps, uniform in time; Heun evaluates the network twice in each but the last.
    last_time : float
        Time to start from.
    redraw : callable, optional
        Fresh standard normal noise like `noise`; ``"ddpm"`` needs it.

    Returns
    -------
    Tensor
        The sample at time 0.
    """
    if sampler not in _SAMPLERS and sampler != "ddpm":
        raise ValueError(f"unknown sampler {sampler!r}; use one of {', '.join((*_SAMPLERS, 'ddpm'))}")
    times = torch.linspace(last_time, 0, steps + 1, dtype=torch.float64)
    if sampler != "ddpm":
        return _SAMPLERS[sampler](denoise, noise, schedule, times)
    if redraw is None:
        raise ValueError("sampler 'ddpm' draws noise at every step; give `redraw`")
    return _ddpm(denoise, noise, schedule, times, redraw)


def _ddim(denoise: Denoiser, state: Tensor, schedule: Schedule, times: Tensor) -> Tensor:
    for time, following in itertools.pairwise(times):
        data, direction = denoise(state, time.to(state.dtype))
        alpha, sigma = (float(value) for value in schedule(following))
        state = alpha * data + sigma * direction
    return state


def _dpm_solver(denoise: Denoiser, state: Tensor, schedule: Schedule, times: Tensor) -> Tensor:
    previous: tuple[Tensor, float] | None = None  # the last data estimate and its step
    for time, following in itertools.pairwise(times):
        alpha, sigma = (float(value) for value in schedule(time))
        next_alpha, next_sigma = (float(value) for value in schedule(following))
        data, _ = denoise(state, time.to(state.dtype))
        estimate = data
        # Ratios instead of log-SNR differences stay finite at pure noise and at pure data.
        decay = (alpha * next_sigma) / (next_alpha * sigma)  # exp(-h), h the step in log-SNR
        step = -math.log(decay) if decay > 0 else math.inf
        if previous is not None and step < math.inf:  # the last step has no finite h: first order
            last_data, last_step = previous
            estimate = data + step / (2 * last_step) * (data - last_data)
        state = next_sigma / sigma * state + next_alpha * (1 - decay) * estimate
        previous = data, step
    return state


def _velocity(denoise: Denoiser, state: Tensor, schedule: Schedule, time: Tensor) -> Tensor:
    data, direction = denoise(state, time.to(state.dtype))
    alpha_rate, sigma_rate = (float(value) for value in schedule.derivatives(time))
    return alpha_rate * data + sigma_rate * direction


def _euler(denoise: Denoiser, state: Tensor, schedule: Schedule, times: Tensor) -> Tensor:
    for time, following in itertools.pairwise(times):
        state = state + float(following - time) * _velocity(denoise, state, schedule, time)
    return state


def _heun(denoise: Denoiser, state: Tensor, schedule: Schedule, times: Tensor) -> Tensor:
    for time, following in itertools.pairwise(times):
        step = float(following - time)
        velocity = _velocity(denoise, state, schedule, time)
        predicted = state + step * velocity
        if following > 0:  # the velocity at data may be infinite
            velocity = (velocity + _velocity(denoise, predicted, schedule, following)) / 2
        state = state + step * velocity
    return state


def _ddpm(
    denoise: Denoiser, state: Tensor, schedule: Schedule, times: Tensor, redraw: Callable[[], Tensor]
) -> Tensor:
    for time, following in itertools.pairwise(times):
        alpha, sigma = (float(value) for value in schedule(time))
        next_alpha, next_sigma = (float(value) for value in schedule(following))
        data, _ = denoise(state, time.to(state.dtype))
        # q(x_s | x_t, x_0) of a Gaussian path with x_t = step x_s + noise of this variance.
        step = alpha / next_alpha
        variance = sigma**2 - (step * next_sigma) ** 2
        mean = (step * next_sigma**2 * state + next_alpha * variance * data) / sigma**2
        state = mean + math.sqrt(variance) * next_sigma / sigma * redraw() if following > 0 else mean
    return state


_SAMPLERS = {"ddim": _ddim, "dpm_solver": _dpm_solver, "euler": _euler, "heun": _heun}
