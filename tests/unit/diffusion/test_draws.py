"""Random numbers of a loss: on the CPU the stream of the step's generator, on a GPU streams of their own that follow from it."""

from __future__ import annotations

import pytest
import torch

from synthaug.config.generators import SamplerSettings
from synthaug.diffusion import draws
from synthaug.diffusion.draws import normal, normal_like, permutation, uniform
from synthaug.diffusion.noise import Noise
from synthaug.diffusion.objectives import DiffusionObjective
from synthaug.diffusion.schedules import Schedule
from synthaug.rehearsal.fake_cuda import FakeCuda

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_on_the_cpu_every_draw_goes_on_with_the_generator():
    own, plain = seeded(3), seeded(3)
    data = torch.zeros(2, 3, dtype=torch.float64)
    assert normal_like(data, own).equal(torch.randn(2, 3, generator=plain).double())
    assert uniform((4,), CPU, own).equal(torch.rand(4, generator=plain))
    assert permutation(5, CPU, own).equal(torch.randperm(5, generator=plain))
    assert normal((3,), CPU, own).equal(torch.randn(3, generator=plain))
    assert own.get_state().equal(plain.get_state())


@pytest.mark.parametrize("target", ["data", "flow"])
def test_on_the_cpu_a_loss_is_that_of_times_and_noise_in_turn(target):
    objective = DiffusionObjective(target, Schedule("flow"))
    data, plain, seen = torch.linspace(-1, 1, 12).view(4, 3), seeded(1), []

    def predict(noisy: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        seen.append((noisy, times))
        return noisy

    objective.loss(predict, data, torch.ones(1, 1), seeded(1))
    if target == "flow":
        times = torch.sigmoid(torch.randn(4, generator=plain))
    else:
        times = (torch.randperm(4, generator=plain) + torch.rand(4, generator=plain)) / 4
    noise = torch.randn(4, 3, generator=plain)
    ((noisy, shown),) = seen
    assert shown.equal(times)
    alpha, sigma = Schedule("flow")(times[:, None])
    assert noisy.equal(alpha * data + sigma * noise)


@pytest.fixture
def seeds(monkeypatch):
    """Seeds of the generators that are made on the GPU inside `FakeCuda`."""
    found: list[int] = []

    def record(device: torch.device, seed: int) -> None:
        assert device.type == "cuda"
        found.append(seed)

    def watch() -> list[int]:
        monkeypatch.setattr(draws, "generator_on", record)
        return found

    return watch


def test_on_a_gpu_a_draw_takes_one_number_of_the_host(seeds):
    with FakeCuda() as gpu:
        found = seeds()
        data = torch.zeros(5, 7, dtype=torch.bfloat16, device=CUDA)
        drawn = [
            normal_like(data, generator := seeded(0)),
            uniform((6,), CUDA, generator),
            permutation(4, CUDA, generator),
        ]
        assert [(part.dtype, part.shape, part.device.type) for part in drawn] == [
            (torch.bfloat16, (5, 7), "cuda"),
            (torch.float32, (6,), "cuda"),
            (torch.int64, (4,), "cuda"),
        ]
        assert (gpu.host_draws, gpu.gpu_draws) == (3, 5 * 7 + 6 + 4)
        assert (gpu.upload_bytes, gpu.uploads, gpu.copies) == (0, 0, 0)
    assert len(set(found)) == 3


def test_on_a_gpu_the_streams_follow_from_the_state_of_the_generator_alone(seeds):
    with FakeCuda():
        found = seeds()
        for seed in (8, 8, 9):
            generator = seeded(seed)
            uniform((2,), CUDA, generator)
            normal((3,), CUDA, generator)
        resumed = seeded(0)
        resumed.set_state(generator.get_state())
        for going_on in (generator, resumed):
            normal((1,), CUDA, going_on)
    assert found[:2] == found[2:4] and set(found[:2]).isdisjoint(found[4:6])
    assert found[6] == found[7] != found[5]
    assert all(0 <= seed < 2**63 for seed in found)


def test_a_sample_draws_on_the_cpu_whatever_device_it_lies_on():
    """Its noise is a function of its request's seed: on a GPU it would be another."""
    objective = DiffusionObjective("data", Schedule("cosine"))
    settings = SamplerSettings(name="ddpm", steps=3)
    with FakeCuda() as gpu:
        objective.solve(lambda noisy, *_: noisy, Noise([1, 2], "cuda"), (3,), settings)
        assert gpu.gpu_draws == 0 and gpu.host_draws >= 2 * 3
