"""What a batch of a generator's cines takes on a GPU, from requests to decoded cines."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from synthaug.data.cohort import Cohort
from synthaug.diffusion import samplers
from synthaug.diffusion.noise import Noise
from synthaug.diffusion.objectives import DiffusionObjective, GuidedPredict
from synthaug.diffusion.schedules import Schedule
from synthaug.generators.latent import LatentGenerator
from synthaug.models import masked_autoregression
from synthaug.models.vq_autoregression import VQAutoregression
from synthaug.networks.masked_transformer import Block
from synthaug.rehearsal.fake_cuda import FakeCuda
from synthaug.rehearsal.meter import Meter
from synthaug.rehearsal.step_cost import tensors_of, with_needs, without_driver

_FEW = 3  # steps of a solver, and codes, that are rehearsed where the others follow from them


@dataclass(frozen=True)
class SamplingCost:
    """What the cines of a batch take.

    Attributes
    ----------
    cines : int
        How many there are.
    flops : float
        Floating-point operations of all network passes, decoding included.
    memory_bytes : int
        Weights of all models, and the most that tensors hold beside them at once.
    waits : int
        Copies between host and GPU for which the host waits.
    """

    cines: int
    flops: float
    memory_bytes: int
    waits: int


def count_sampling(generator: LatentGenerator, requests: Cohort, gpu: FakeCuda) -> SamplingCost:
    """Sample a batch on the fake GPU, up to the cines and masks that lie on it; inside `FakeCuda`.

    Passes of a network that are alike are computed once and counted as often as they are made, so that the figures are
    those of all steps; see `few_passes`.

    Parameters
    ----------
    generator : LatentGenerator
        Of models on the fake GPU, frozen.
    requests : Cohort
        The batch.
    gpu : FakeCuda
        That the models lie on.

    Raises
    ------
    RuntimeError
        Something lies on the wrong device, or a value of the GPU is read on the host.
    """
    waits = gpu.copies + gpu.uploads
    weights = [tensor for model in with_needs(generator.models.values()) for tensor in tensors_of(model)]
    with without_driver(), Meter(weights) as meter, few_passes(meter):
        generator.sample_batch(requests)
    return SamplingCost(
        len(requests.subjects), float(meter.flops), meter.peak, gpu.copies + gpu.uploads - waits
    )


@contextmanager
def few_passes(meter: Meter) -> Iterator[None]:
    """Sampling that computes each network pass once where others are like it.

    A pass of a diffusion model takes the same at all times, guided and not guided each. So do a token's
    denoiser in all steps of its solver, of which the first few are made, and the blocks of a masked transformer for
    sequences of one length. Each code of a causal transformer takes a constant more than the one before: the first few
    are drawn. Noise is zeros.
    """
    solve, attend = DiffusionObjective.solve, Block.forward

    def solve_few(
        self: DiffusionObjective,
        predict: GuidedPredict,
        noise: Noise,
        shape: Any,
        settings: Any,
        mean: Tensor | None = None,
    ) -> Tensor:
        def key(noisy: Tensor, _: Tensor, scale: float) -> Hashable:
            return self, scale, noisy.shape

        return solve(self, meter.once(predict, key), noise, shape, settings, mean)

    def attend_once(self: Block, tokens: Tensor, there: Tensor, places: Tensor | None = None) -> Tensor:
        def key(*_: Any) -> Hashable:
            some = None if places is None else places.shape
            return Block, self.attention.attention.heads, tokens.shape, some, tokens.dtype

        result: Tensor = meter.once(lambda *given: attend(self, *given), key)(tokens, there, places)
        return result

    def sample_few(
        denoise: samplers.Denoiser,
        noise: Tensor,
        schedule: Schedule,
        sampler: str,
        steps: int,
        last_time: float = 1.0,
        redraw: Callable[[], Tensor] | None = None,
    ) -> Tensor:
        few, before = min(steps, _FEW), meter.flops
        alike = meter.once(denoise, lambda *_: denoise)
        result = samplers.sample(alike, noise, schedule, sampler, few, last_time, redraw)
        # Nothing but the denoiser computes what is counted.
        done, all_steps = evaluations(sampler, few), evaluations(sampler, steps)
        meter.flops += (meter.flops - before) // done * (all_steps - done)
        return result

    def first_places(_: VQAutoregression, limit: int) -> Iterator[int]:
        costs = []
        for place in range(min(limit, _FEW)):
            before = meter.flops
            yield place
            costs.append(meter.flops - before)
        left = limit - len(costs)
        if left > 0:
            meter.flops += left * costs[-1] + (costs[-1] - costs[-2]) * left * (left + 1) // 2

    def zeros(self: Noise, *shape: int) -> Tensor:
        return torch.zeros(len(self.generators) * self.copies, *shape).to(self.device, non_blocking=True)

    with (
        patch.object(DiffusionObjective, "solve", solve_few),
        patch.object(Block, "forward", attend_once),
        patch.object(masked_autoregression, "sample", sample_few),
        patch.object(VQAutoregression, "places", first_places),
        patch.object(Noise, "__call__", zeros),
    ):
        yield


@lru_cache
def evaluations(sampler: str, steps: int) -> int:
    """How often a solver asks the denoiser in so many steps."""
    asked = 0

    def denoise(noisy: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        nonlocal asked
        asked += 1
        return noisy, noisy

    number = torch.zeros(())
    samplers.sample(denoise, number, Schedule("flow"), sampler, steps, 0.99, lambda: number)
    return asked
