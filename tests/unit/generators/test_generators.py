"""The cascade: ED exact, masks for every frame, a sample the same in every batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from beating_ellipsoid import FRAMES, MATRIX
from tiny_models import SLICES, requests, train, write_store

from synthaug.config.generators import CascadeSettings, SamplerSettings
from synthaug.core.errors import SynthaugError
from synthaug.diffusion.noise import Noise
from synthaug.generators import build_generator, describe, load
from synthaug.models.phases import cardiac_phase
from synthaug.models.weights import load_model
from synthaug.synthesis.requests import request_cohort

SETTINGS = CascadeSettings(
    kind="cascade",
    anatomy_sampler=SamplerSettings(steps=2, guidance=2.0),
    motion_sampler=SamplerSettings(steps=2),
)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    store = write_store(root / "store")
    autoencoder = train("autoencoder", store, root / "autoencoder")
    needs = {"autoencoder": autoencoder}
    return {
        "autoencoder": autoencoder,
        "anatomy": train("anatomy_diffusion", store, root / "anatomy", needs, iterations=2),
        "motion": train("motion_diffusion", store, root / "motion", needs, iterations=2, batch_size=1),
    }


@pytest.fixture(scope="module")
def cascade(models):
    return build_generator(SETTINGS, models, "cpu")


def test_samples_have_the_shape_that_was_asked_for(cascade):
    for (subject, cine, labels), row in zip(
        cascade.sample(request_cohort(requests(3))), requests(3).itertuples(), strict=True
    ):
        assert subject == row.subject
        assert cine.shape == labels.shape == (FRAMES, row.n_slices, MATRIX, MATRIX)
        assert cine.dtype == np.float32 and cine.min() >= 0 and cine.max() <= 1 and np.isfinite(cine).all()
        assert labels.dtype == np.uint8 and labels.max() <= 3


def test_a_sample_does_not_depend_on_its_batch(cascade):
    table = requests(3)
    together = {
        subject: (cine, labels)
        for subject, cine, labels in cascade.sample(request_cohort(table), batch_size=3)
    }
    for number in (2, 0, 1):
        subject, cine, labels = next(cascade.sample(request_cohort(table.iloc[[number]]), batch_size=1))
        assert np.array_equal(cine, together[subject][0]) and np.array_equal(labels, together[subject][1])


def test_a_stochastic_sampler_is_determined_by_the_seed_too(models):
    stochastic = SamplerSettings(name="ddpm", steps=3)
    settings = SETTINGS.model_copy(update={"anatomy_sampler": stochastic, "motion_sampler": stochastic})
    generator, table = build_generator(settings, models, "cpu"), requests(2)
    (_, first, _), (_, second, _) = generator.sample(request_cohort(table), batch_size=2)
    assert np.array_equal(next(generator.sample(request_cohort(table.iloc[[1]])))[1], second)
    assert not np.array_equal(next(generator.sample(request_cohort(table.assign(seed=7))))[1], first)


def test_another_seed_or_request_is_another_heart(cascade):
    table = requests(1)
    first = next(cascade.sample(request_cohort(table)))[1]
    assert not np.array_equal(first, next(cascade.sample(request_cohort(table.assign(seed=7))))[1])
    assert not np.array_equal(first, next(cascade.sample(request_cohort(table.assign(lv_edv_ml=220.0))))[1])


def test_ed_is_the_anatomy_itself(cascade):
    """The motion model's residual at ED is zero whatever its weights say."""
    shape = cascade.autoencoder.latent_shape
    anatomy = torch.randn((1, *shape), generator=torch.Generator().manual_seed(0))
    table = requests(1)
    slices = torch.ones(1, 1, SLICES, 1, 1)
    phase = cardiac_phase(torch.tensor([0.5]), FRAMES)
    conditions = cascade.motion.conditioner.read(table)
    latents = cascade.motion.sample(anatomy, conditions, phase, slices, Noise([1]), SETTINGS.motion_sampler)
    assert torch.equal(latents[:, 0], anatomy) and not torch.equal(latents[:, 1], anatomy)


def test_phase_is_0_at_ed_and_one_half_at_es():
    phase = cardiac_phase(torch.tensor([0.3, float("nan")]), 10)
    assert phase[0, 0] == 0 and phase[0, 3] == pytest.approx(0.5)
    assert phase[0].diff().min() > 0 and phase[0].max() < 1
    torch.testing.assert_close(phase[1], torch.arange(10) / 10, check_dtype=False)


def test_frames_that_share_a_latent_have_the_phase_of_their_middle():
    phase = cardiac_phase(torch.tensor([0.5]), 8, together=4)
    torch.testing.assert_close(phase, torch.tensor([[1.5 / 8, 5.5 / 8]]))


def test_what_the_models_saw_is_known(cascade):
    assert cascade.seen == ["h0", "h1", "h2", "h3"] and set(cascade.hashes) == {
        "autoencoder",
        "anatomy",
        "motion",
    }


def test_the_conditions_of_the_models_are_known(cascade):
    # The default conditions of both models, and what the cascade itself makes of a request; no mass.
    assert cascade.conditions == sorted(
        ["diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "lv_ef", "n_slices", "es_phase"]
    )


def test_without_any_guidance_no_condition_takes_effect(models):
    nothing = SamplerSettings(steps=2, guidance=0.0)
    settings = SETTINGS.model_copy(update={"anatomy_sampler": nothing, "motion_sampler": nothing})
    assert build_generator(settings, models, "cpu").conditions == ["es_phase", "n_slices"]
    half = settings.model_copy(update={"motion_sampler": SETTINGS.motion_sampler})
    # Those of the motion model alone: vendor is a condition of the anatomy.
    conditions = ["diagnosis", "es_phase", "lv_edv_ml", "lv_ef", "lv_esv_ml", "n_slices"]
    assert build_generator(half, models, "cpu").conditions == conditions


def test_a_sampler_of_no_model_lets_no_condition_count(models):
    """Without a motion model its sampler, guided by default, asks nothing."""
    settings = CascadeSettings(
        kind="cascade",
        models={"autoencoder": "a", "anatomy": "b"},
        anatomy_sampler=SamplerSettings(steps=2, guidance=0.0),
    )
    apart = {role: models[role] for role in ("autoencoder", "anatomy")}
    assert build_generator(settings, apart, "cpu").conditions == ["es_phase", "n_slices"]


def test_a_described_generator_is_loaded_and_gives_the_same_hearts(cascade, models, tmp_path):
    describe(tmp_path / "generator.json", SETTINGS, models)
    again = load(tmp_path, device="cpu")
    assert np.array_equal(
        next(again.sample(request_cohort(requests(1))))[1],
        next(cascade.sample(request_cohort(requests(1))))[1],
    )


def test_a_model_that_was_changed_is_refused(models, tmp_path):
    copies = {}
    for role, path in models.items():
        copies[role] = tmp_path / role / "model.safetensors"
        copies[role].parent.mkdir()
        copies[role].write_bytes(path.read_bytes())
    describe(tmp_path / "generator.json", SETTINGS, copies)
    content = bytearray(copies["motion"].read_bytes())
    content[-1] ^= 1
    copies["motion"].write_bytes(content)
    with pytest.raises(SynthaugError, match="motion"):
        load(tmp_path, device="cpu")
    with pytest.raises(SynthaugError, match=r"model\.safetensors"):
        load_model(copies["motion"])


def test_too_many_slices_are_refused_by_name(cascade):
    with pytest.raises(SynthaugError, match="s-0: 9 slices are requested"):
        next(cascade.sample(request_cohort(requests(1).assign(n_slices=9))))


def test_guidance_acts_within_its_interval_only(models):
    def anatomy(**sampler):
        settings = SETTINGS.model_copy(update={"anatomy_sampler": SamplerSettings(steps=4, **sampler)})
        return next(build_generator(settings, models, "cpu").sample(request_cohort(requests(1))))[1][0]

    plain, throughout = anatomy(guidance=1.0), anatomy(guidance=3.0)
    # Four steps ask at times 1, 3/4, 1/2 and 1/4, or a little below.
    assert np.array_equal(anatomy(guidance=3.0, guidance_interval=(0.0, 0.1)), plain)
    assert np.array_equal(anatomy(guidance=3.0, guidance_interval=(0.0, 1.0)), throughout)
    late = anatomy(guidance=3.0, guidance_interval=(0.0, 0.6))
    assert not np.array_equal(late, plain) and not np.array_equal(late, throughout)
