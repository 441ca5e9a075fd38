"""Schedules, objectives and samplers against closed forms."""

from __future__ import annotations

import pytest
import torch

from synthaug.config.generators import SamplerSettings
from synthaug.diffusion.guidance import guided, twice
from synthaug.diffusion.noise import Noise
from synthaug.diffusion.objectives import DiffusionObjective
from synthaug.diffusion.samplers import sample
from synthaug.diffusion.schedules import Schedule

SCHEDULES = ("cosine", "linear", "flow")
OBJECTIVES = ("data", "epsilon", "v", "flow")
MEAN, DEVIATION = 3.0, 0.5


def gaussian_denoiser(schedule):
    """E[data | noisy] for data ~ N(MEAN, DEVIATION^2), by conjugacy, and the noise it implies."""

    def denoise(noisy, time):
        alpha, sigma = schedule(time)
        gain = alpha * DEVIATION**2 / (alpha**2 * DEVIATION**2 + sigma**2)
        data = MEAN + gain * (noisy - alpha * MEAN)
        noise = sigma / (alpha**2 * DEVIATION**2 + sigma**2) * (noisy - alpha * MEAN)
        return data, noise

    return denoise


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_lead_from_data_to_noise(name):
    time = torch.linspace(0, 1, 101, dtype=torch.float64)
    alpha, sigma = Schedule(name)(time)
    assert (alpha[0], sigma[0]) == (1, 0)
    assert alpha[-1] < 0.01 and sigma[-1] > 0.99
    assert (alpha.diff() < 0).all() and (sigma.diff() > 0).all()


def test_variance_preserving_schedules_preserve_variance():
    time = torch.linspace(0, 1, 11, dtype=torch.float64)
    for name in ("cosine", "linear"):
        alpha, sigma = Schedule(name)(time)
        torch.testing.assert_close(alpha**2 + sigma**2, torch.ones_like(time))


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("shift", [0.5, 3.0])
def test_a_shift_multiplies_noise_over_signal_and_keeps_the_path(name, shift):
    time = torch.linspace(0.05, 0.95, 10, dtype=torch.float64)
    alpha, sigma = Schedule(name)(time)
    shifted_alpha, shifted_sigma = Schedule(name, shift)(time)
    torch.testing.assert_close(shifted_sigma / shifted_alpha, shift * sigma / alpha)
    power = 1 if name == "flow" else 2
    torch.testing.assert_close(shifted_alpha**power + shifted_sigma**power, torch.ones_like(time))


def test_a_shifted_straight_path_is_the_same_path_at_another_time():
    # Esser et al. 2024, equation 23: t' = k t / (1 + (k - 1) t); of t = 1/2 and k = 3, 3/4.
    alpha, sigma = Schedule("flow", 3.0)(torch.tensor(0.5))
    assert (alpha, sigma) == (0.25, 0.75)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_derivatives_agree_with_differences(name, shift):
    schedule, step = Schedule(name, shift), 1e-6
    time = torch.linspace(0.05, 0.95, 10, dtype=torch.float64)
    for rate, before, after in zip(
        schedule.derivatives(time), schedule(time - step), schedule(time + step), strict=True
    ):
        torch.testing.assert_close(rate, (after - before) / (2 * step), rtol=1e-6, atol=1e-8)


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match="unknown schedule 'cosin'"):
        Schedule("cosin")


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_perfect_prediction_gives_back_data_and_noise(name, schedule):
    objective = DiffusionObjective(name, Schedule(schedule))
    data, noise = torch.randn(2, 50, dtype=torch.float64)
    time = torch.linspace(0.01, 0.98, 50, dtype=torch.float64)
    alpha, sigma = objective.schedule(time)
    noisy = alpha * data + sigma * noise
    found = objective.split(noisy, objective.target(data, noise, time), time)
    torch.testing.assert_close(found[0], data)
    torch.testing.assert_close(found[1], noise)


def test_v_is_the_derivative_along_the_angle():
    # On the cosine path v = d x / d phi with phi = pi t / 2 (Salimans and Ho 2022, appendix D).
    schedule = Schedule("cosine")
    data, noise, time = torch.tensor(1.3), torch.tensor(-0.4), torch.tensor(0.3)
    rates = schedule.derivatives(time)
    velocity = rates[0] * data + rates[1] * noise
    torch.testing.assert_close(
        DiffusionObjective("v", schedule).target(data, noise, time), velocity / (torch.pi / 2)
    )


def test_training_times_cover_all_noise_levels():
    generator = torch.Generator().manual_seed(0)
    times = DiffusionObjective("v", Schedule("cosine")).draw_times(8, generator)
    assert sorted((times * 8).int().tolist()) == list(range(8))
    logit_normal = DiffusionObjective("flow", Schedule("flow")).draw_times(20000, generator)
    logits = torch.logit(logit_normal)
    assert abs(float(logits.mean())) < 0.03 and abs(float(logits.std()) - 1) < 0.03


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("sampler", ["ddim", "dpm_solver", "euler", "heun"])
@pytest.mark.parametrize(("shift", "steps"), [(1.0, 400), (3.0, 800)])
def test_samplers_transport_noise_to_a_gaussian(sampler, schedule, shift, steps):
    # For Gaussian data the flow map is affine: quantile goes to quantile.
    path = Schedule(schedule, shift)
    noise = torch.linspace(-2, 2, 9, dtype=torch.float64)
    found = sample(gaussian_denoiser(path), noise, path, sampler, steps)
    torch.testing.assert_close(found, MEAN + DEVIATION * noise, atol=0.02, rtol=0)


@pytest.mark.parametrize(("sampler", "order"), [("ddim", 1), ("dpm_solver", 2), ("euler", 1), ("heun", 2)])
def test_samplers_converge_at_their_order(sampler, order):
    path = Schedule("flow")
    noise = torch.tensor([-1.0, 0.5, 2.0], dtype=torch.float64)
    exact = MEAN + DEVIATION * noise
    errors = [
        float((sample(gaussian_denoiser(path), noise, path, sampler, steps) - exact).abs().max())
        for steps in (64, 128)
    ]
    rate = errors[0] / errors[1]
    assert rate > 2**order * 0.8


def test_euler_on_the_flow_path_is_ddim():
    path = Schedule("flow")
    noise = torch.randn(5, dtype=torch.float64)
    results = [sample(gaussian_denoiser(path), noise, path, name, 7) for name in ("euler", "ddim")]
    torch.testing.assert_close(*results)


def test_one_step_from_pure_noise_is_the_mean():
    # With alpha(1) = 0 the first estimate of the data is its mean, whatever the noise.
    for schedule in ("cosine", "flow"):
        for sampler in ("ddim", "dpm_solver"):
            path = Schedule(schedule)
            found = sample(gaussian_denoiser(path), torch.randn(4, dtype=torch.float64), path, sampler, 1)
            torch.testing.assert_close(found, torch.full((4,), MEAN, dtype=torch.float64))


def test_a_denoiser_that_knows_the_data_is_obeyed():
    target = torch.randn(6)

    def denoise(noisy, time):
        alpha, sigma = Schedule("cosine")(time)
        return target, (noisy - alpha * target) / sigma

    for sampler in ("ddim", "dpm_solver"):
        found = sample(denoise, torch.randn(6), Schedule("cosine"), sampler, 10)
        torch.testing.assert_close(found, target, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_stochastic_chain_ends_in_the_distribution_of_the_data(schedule):
    generator = torch.Generator().manual_seed(0)

    def redraw():
        return torch.randn(20_000, generator=generator, dtype=torch.float64)

    path = Schedule(schedule)
    found = sample(gaussian_denoiser(path), redraw(), path, "ddpm", steps=200, redraw=redraw)
    assert found.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert found.std().item() == pytest.approx(DEVIATION, abs=0.02)


def test_the_stochastic_chain_needs_fresh_noise():
    path = Schedule("cosine")
    start = torch.linspace(-1, 1, 5, dtype=torch.float64)
    with pytest.raises(ValueError, match="draws noise at every step"):
        sample(gaussian_denoiser(path), start, path, "ddpm", steps=3)
    chains = [
        sample(gaussian_denoiser(path), start, path, "ddpm", 3, redraw=lambda value=value: start * 0 + value)
        for value in (0.0, 1.0)
    ]
    assert (chains[1] > chains[0]).all()


def test_streams_of_noise_do_not_depend_on_the_batch():
    together, alone = Noise([3, 4]), Noise([4])
    for shape in ((2, 3), (5,)):
        assert torch.equal(together(*shape)[1], alone(*shape)[0])


def test_an_unknown_sampler_is_refused():
    known = "ddim, dpm_solver, euler, heun, ddpm"
    with pytest.raises(ValueError, match=f"unknown sampler 'plms'; use one of {known}"):
        sample(lambda noisy, time: (noisy, noisy), torch.zeros(1), Schedule("flow"), "plms", 2)


def test_guidance_moves_away_from_the_unconditional_prediction():
    given, free = torch.randn(1, 3), torch.ones(1, 3)
    for scale, expected in ((1.0, given), (0.0, free), (3.0, 3 * given - 2)):
        torch.testing.assert_close(guided(torch.cat([given, free]), scale), expected)


def test_guidance_outside_of_its_interval_is_one():
    asked = []

    def predict(noisy, times, scale):
        asked.append((round(float(times[0]), 3), scale))
        return noisy

    settings = SamplerSettings(name="ddim", steps=4, guidance=3.0, guidance_interval=(0.4, 0.8))
    DiffusionObjective("data", Schedule("cosine")).solve(predict, Noise([1]), (2,), settings)
    assert [scale for _, scale in asked] == [3.0 if 0.4 <= time <= 0.8 else 1.0 for time, _ in asked]
    assert {scale for _, scale in asked} == {1.0, 3.0}


def test_tensors_are_taken_twice_in_order():
    found = twice({"edv": torch.tensor([1.0, 2.0]), "more": {"es": torch.tensor([3.0])}})
    assert found["edv"].tolist() == [1, 2, 1, 2] and found["more"]["es"].tolist() == [3, 3]
