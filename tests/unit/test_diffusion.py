"""Schedules, objectives and samplers against closed forms."""

from __future__ import annotations

import pytest
import torch

from synthaug.diffusion.guidance import guide
from synthaug.diffusion.objectives import Objective
from synthaug.diffusion.samplers import sample
from synthaug.diffusion.schedules import Schedule

SCHEDULES = ("cosine", "linear", "flow")
MEAN, DEVIATION = 1.5, 0.4


def exact_denoiser(schedule):
    """Data and noise expected of a noisy sample when the data are N(MEAN, DEVIATION^2)."""

    def denoise(noisy, time):
        alpha, sigma = schedule(time)
        gain = alpha * DEVIATION**2 / (alpha**2 * DEVIATION**2 + sigma**2)
        data = MEAN + gain * (noisy - alpha * MEAN)
        return data, (noisy - alpha * data) / sigma

    return denoise


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_from_data_to_noise(name):
    time = torch.linspace(0, 1, 11, dtype=torch.float64)
    alpha, sigma = Schedule(name)(time)
    assert alpha[0] == 1 and sigma[0] == 0 and alpha[-1] < 0.01 and sigma[-1] > 0.99
    assert (alpha.diff() < 0).all() and (sigma.diff() > 0).all()
    if name != "flow":
        torch.testing.assert_close(alpha**2 + sigma**2, torch.ones_like(time))


@pytest.mark.parametrize("name", SCHEDULES)
def test_derivatives_are_those_of_the_schedule(name):
    schedule, step = Schedule(name), 1e-6
    time = torch.tensor([0.2, 0.5, 0.8], dtype=torch.float64)
    for rate, later, earlier in zip(
        schedule.derivatives(time), schedule(time + step), schedule(time - step), strict=True
    ):
        torch.testing.assert_close(rate, (later - earlier) / (2 * step), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("objective", ["epsilon", "v", "flow"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_right_answer_gives_back_data_and_noise(name, objective):
    target = Objective(objective, Schedule(name))
    generator = torch.Generator().manual_seed(0)
    data, noise = torch.randn(2, 50, generator=generator, dtype=torch.float64)
    time = torch.linspace(0.05, 0.95, 50, dtype=torch.float64)
    alpha, sigma = target.schedule(time)
    recovered = target.split(alpha * data + sigma * noise, target.target(data, noise, time), time)
    torch.testing.assert_close(recovered[0], data)
    torch.testing.assert_close(recovered[1], noise)


def test_times_cover_their_range_evenly_or_logit_normally():
    generator = torch.Generator().manual_seed(0)
    uniform = Objective("v", Schedule("cosine")).draw_times(1000, generator)
    # One time in each of a thousand strata, so the mean is within half a stratum of one half.
    assert sorted((uniform * 1000).int().tolist()) == list(range(1000))
    logit = torch.logit(Objective("flow", Schedule("flow")).draw_times(20000, generator))
    assert abs(logit.mean()) < 0.03 and abs(logit.std() - 1) < 0.03


STEPS = {"ddim": 200, "dpm_solver": 40, "euler": 400, "heun": 60}
# The velocity of the linear schedule is infinite at the data: no Euler or Heun there.
PAIRS = [(name, sampler) for name in SCHEDULES for sampler in STEPS if name != "linear" or sampler[0] == "d"]


@pytest.mark.parametrize(("name", "sampler"), PAIRS)
def test_a_gaussian_is_transported_to_its_mean_and_variance(name, sampler):
    schedule = Schedule(name)
    # Quantiles instead of draws: mean and variance are exact, so tolerances are the solver's.
    probabilities = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    noise = torch.special.ndtri(probabilities)
    made = sample(exact_denoiser(schedule), noise, schedule, sampler, STEPS[sampler], last_time=0.999)
    assert abs(made.mean() - MEAN) < 0.02
    assert abs(made.std() / DEVIATION / noise.std() - 1) < 0.03


def test_the_second_order_solver_needs_fewer_steps():
    schedule = Schedule("cosine")
    noise = torch.special.ndtri((torch.arange(500, dtype=torch.float64) + 0.5) / 500)

    def error(sampler, steps):
        made = sample(exact_denoiser(schedule), noise, schedule, sampler, steps, last_time=0.99)
        exact = sample(exact_denoiser(schedule), noise, schedule, "heun", 2000, last_time=0.99)
        return float((made - exact).abs().max())

    assert error("dpm_solver", 16) < error("ddim", 16) / 3


def test_euler_on_the_flow_schedule_is_ddim():
    schedule, noise = Schedule("flow"), torch.linspace(-2, 2, 9, dtype=torch.float64)
    euler, ddim = (
        sample(exact_denoiser(schedule), noise, schedule, name, 7, last_time=0.9)
        for name in ("euler", "ddim")
    )
    torch.testing.assert_close(euler, ddim)


def test_guidance_of_one_is_the_conditional_prediction_and_asks_nothing_else():
    def never():
        raise AssertionError("the unconditional prediction was asked for")

    given = torch.tensor([2.0])
    assert guide(lambda: given, never, 1.0) is given
    assert guide(lambda: given, lambda: torch.tensor([1.0]), 3.0) == 4.0
    assert guide(lambda: given, lambda: torch.tensor([1.0]), 0.0) == 1.0


def test_unknown_names_are_refused():
    for make in (lambda: Schedule("quadratic"), lambda: Objective("x0", Schedule("cosine"))):
        with pytest.raises(ValueError, match="unknown"):
            make()
    with pytest.raises(ValueError, match="unknown sampler"):
        sample(exact_denoiser(Schedule("flow")), torch.zeros(1), Schedule("flow"), "leapfrog", 1)
