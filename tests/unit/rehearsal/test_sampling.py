"""The rehearsal of sampling: arithmetic is that of a real batch, memory by hand, and nothing waits for each step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from checkout import REPOSITORY
from tiny_models import FEW_CODES, SMALL
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from synthaug.config.study import StudySettings, load_study
from synthaug.core.registry import class_of
from synthaug.generators.base import Generator
from synthaug.models.latent_diffusion import LatentDiffusion
from synthaug.rehearsal.fake_cuda import FakeCuda, move
from synthaug.rehearsal.meter import Meter
from synthaug.rehearsal.random_study import random_models, random_requests, random_store
from synthaug.rehearsal.rehearse_sampling import only_sampled, rehearse_sampling, say_generator
from synthaug.rehearsal.sampling_cost import SamplingCost, evaluations
from synthaug.rehearsal.step_cost import without_driver

CODER = {"autoencoder": "autoencoder"}
#: A generator of two solvers one after the other, of one for each token, and of one that is steered by masks.
LOOPS = ("cascade", "tokens", "mask-guided")
#: Models that the generators below are made of, besides what `SMALL` says of their kinds.
MODELS: dict[str, dict[str, Any]] = {
    "autoencoder": {"kind": "autoencoder"},
    "codes": {"kind": "vq_autoencoder", **FEW_CODES},
    "anatomy": {"kind": "anatomy_diffusion"},
    "motion": {"kind": "motion_diffusion"},
    "whole": {"kind": "cine_diffusion", "network": "transformer"},
    "steered": {"kind": "cine_diffusion", "network": "factorised_unet"},
    "control": {"kind": "control_branch", "needs": {**CODER, "diffusion": "steered"}},
    "sequence": {"kind": "sequence_diffusion"},
    "tokens": {"kind": "masked_autoregression", "conditions": ["lv_edv_ml"]},
    "next-code": {"kind": "vq_autoregression", "needs": {"autoencoder": "codes"}},
    "text": {"kind": "text_encoder"},
    "words": {"kind": "text_diffusion", "needs": {**CODER, "text": "text"}},
    "field": {"kind": "deformation_network"},
    "deformation": {
        "kind": "deformation_diffusion",
        "needs": {**CODER, "deformation_network": "field"},
    },
}


def drawn(name: str, steps: int, guidance: float = 2.0, **more: Any) -> dict[str, Any]:
    return {"name": name, "steps": steps, "guidance": guidance, **more}


def generators(steps: int) -> dict[str, dict[str, Any]]:
    """One of each kind that samples, in so many steps."""
    return {
        "cascade": {
            "kind": "cascade",
            "models": {**CODER, "anatomy": "anatomy", "motion": "motion"},
            "anatomy_sampler": drawn("heun", steps),
            "motion_sampler": drawn("dpm_solver", steps, guidance_interval=[0.2, 0.7]),
        },
        "single-pass": {
            "kind": "single_pass",
            "models": {**CODER, "diffusion": "whole"},
            "sampler": drawn("ddpm", steps, 0.0),
        },
        "mask-guided": {
            "kind": "mask_guided",
            "models": {**CODER, "diffusion": "steered", "control": "control"},
            "sampler": drawn("ddim", steps),
        },
        "frames": {
            "kind": "frame_autoregressive",
            "models": {**CODER, "sequence": "sequence"},
            "sampler": drawn("euler", steps, 1.0),
        },
        "tokens": {
            "kind": "masked_autoregressive",
            "models": {**CODER, "autoregression": "tokens"},
            "steps": 3,
            "sampler": drawn("ddpm", steps),
        },
        "codes": {
            "kind": "vq_autoregressive",
            "models": {"autoencoder": "codes", "autoregression": "next-code"},
            "sampler": {"guidance": 2.0},
        },
        "words": {
            "kind": "text_driven",
            "models": {**CODER, "diffusion": "words"},
            "sampler": drawn("ddim", steps),
        },
        "moved": {
            "kind": "deformed_anatomy",
            "models": {
                **CODER,
                "anatomy": "anatomy",
                "deformation_network": "field",
                "deformation": "deformation",
            },
            "anatomy_sampler": drawn("ddim", steps),
            "deformation_sampler": drawn("heun", steps),
        },
    }


def study_of(steps: int) -> StudySettings:
    """A study of small models of every kind that a generator samples from."""
    content = yaml.safe_load((REPOSITORY / "config/studies/tiny.yaml").read_text(encoding="utf-8"))
    models = {}
    for name, own in MODELS.items():
        training = {"iterations": 1, "batch_size": 2}
        models[name] = {**SMALL[own["kind"]], **own, "training": training}
    content |= {
        "harmonisation": {"spacing_mm": [10, 3, 3], "matrix": [2, 64, 64], "frames": 10},
        "models": models,
        "generators": generators(steps),
        "arms": {"real": {}},
    }
    content["synthesis"] = {"subjects": 3, "chunk_size": 3, "batch_size": 2, "sweep": {"levels": 0}}
    content["evaluation"] = {}
    return load_study(content)


@pytest.fixture(scope="module")
def rehearsed() -> dict[str, Any]:
    return dict(rehearse_sampling(study_of(steps=5)))


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> dict[str, Any]:
    """Generators of the same models on the CPU, with the requests."""
    study = study_of(steps=5)
    made = {
        name: model.requires_grad_(False).eval()
        for name, model in random_models(study, random_store(study, 2))
    }
    found: dict[str, Any] = {"requests": random_requests(study, 2, tmp_path_factory.mktemp("requests"))}
    for name, settings in study.generators.items():
        roles = {role: made[model] for role, model in settings.models.items()}
        found[name] = class_of(settings, Generator).of(settings, roles)
    return found


@pytest.mark.parametrize("name", generators(1))
def test_a_rehearsed_batch_takes_the_arithmetic_of_a_real_one(name, rehearsed, real):
    cost = rehearsed[name]
    # Other kernels of attention of a CPU are unknown to the counter.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        images, _ = real[name].sample_batch(real["requests"])
    assert len(images) == cost.cines == 2
    assert cost.flops == pytest.approx(counter.get_total_flops(), rel=1e-3)


def test_both_predictions_of_guidance_are_one_pass_of_twice_the_samples(real, monkeypatch):
    """The same latents as of two passes, up to rounding, of every generator that is guided by a diffusion model."""
    generator = torch.Generator().manual_seed(0)
    models = [real[name].models for name in real if name != "requests"]
    for model in {id(model): model for roles in models for model in roles.values()}.values():
        for parameter in model.parameters():
            if not parameter.any():  # as some start: no condition would change anything
                parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    solve = LatentDiffusion.solve

    def sampled(name, apart):
        taken = []

        def watched(self, predictor, given, noise, shape, settings, mean=None, **_):
            def watch(*given):
                predict = predictor(*given)
                return lambda noisy, times, kept: (taken.append(len(noisy)), predict(noisy, times, kept))[1]

            return solve(self, watch, given, noise, shape, settings, mean, apart=apart)

        monkeypatch.setattr(LatentDiffusion, "solve", watched)
        return real[name].sample_batch(real["requests"])[0], taken

    for name in ("cascade", "single-pass", "mask-guided", "frames", "words", "moved"):
        (once, sizes), (separate, sizes_apart) = (sampled(name, apart) for apart in (False, True))
        most = 2 if name in ("single-pass", "frames") else 4  # these are guided by 0 and by 1
        assert max(sizes) == most and set(sizes_apart) == {2} and sum(sizes) == sum(sizes_apart)
        assert torch.isfinite(once).all() and once.std() > 0
        assert torch.allclose(once, separate, atol=1e-4), name


def test_no_step_waits(rehearsed):
    """What is left are conditions and masks, once a batch; a wait for each of five steps would be more."""
    assert {name: cost.waits for name, cost in rehearsed.items() if cost.waits > 12} == {}


def waits(steps: int, folder: Path) -> dict[str, int]:
    """Copies that the host waits for in a batch of a generator, every pass of its networks made."""
    study = study_of(steps)
    study = study.model_copy(update={"generators": {name: study.generators[name] for name in LOOPS}})
    store = random_store(study, 2)
    requests = random_requests(study, 2, folder)
    counted = {}
    with FakeCuda() as gpu, without_driver():
        models = {}
        for name, model in random_models(only_sampled(study), store):
            move(model)
            models[name] = model.requires_grad_(False).eval()
        for name, settings in study.generators.items():
            roles = {role: models[model] for role, model in settings.models.items()}
            before = gpu.copies + gpu.uploads
            class_of(settings, Generator).of(settings, roles).sample_batch(requests)
            counted[name] = gpu.copies + gpu.uploads - before
    return counted


def test_a_step_of_a_sampler_waits_for_nothing(tmp_path):
    """Two steps and four wait as often: for what a batch begins with."""
    few, more = waits(2, tmp_path), waits(4, tmp_path)
    assert set(few) == set(LOOPS) and few == more


def test_memory_is_that_of_the_tensors_that_live_together():
    with FakeCuda():
        there = torch.zeros(256, device="cuda")
        with Meter([there, there[:3]]) as meter:
            assert meter.live == 1024
            more = there + 1
            view = more.view(2, 128)
            del more
            assert meter.live == meter.peak == 2048
            del view
            assert meter.live == 1024 and meter.peak == 2048


def test_a_computation_that_is_not_done_again_counts_again():
    with FakeCuda(), Meter() as meter:
        tensor = torch.zeros(8, 8, device="cuda")
        twice = meter.once(lambda tensor: (tensor @ tensor) @ tensor)
        first = twice(tensor)
        assert meter.flops == 2 * 2 * 8**3 and meter.peak == 3 * 256
        kept = [first, *(twice(tensor) for _ in range(2))]
        assert meter.flops == 6 * 2 * 8**3 and meter.live == 4 * 256 and meter.peak == 5 * 256
        assert kept[2].shape == first.shape and kept[2] is not first


def test_passes_of_a_solver():
    assert [evaluations(name, 4) for name in ("ddim", "heun", "ddpm", "dpm_solver")] == [4, 7, 4, 4]


def test_seconds_by_hand_and_a_generator_that_samples_nothing():
    study = study_of(steps=1)
    # 3 cines of 989 TFLOP each, at 10 % of 989 TFLOP/s: 30 s.
    line = say_generator(study, "tokens", SamplingCost(2, 2 * 989e12, 2**30, 0), 0.1)
    assert line.split()[-4:] == ["30", "s", "30", "s"] and "1.0 GiB" in line
    assert say_generator(study, "tokens", "nothing is sampled", 0.1).endswith("nothing is sampled")
