"""The cascade without one of its parts: each variant trains, samples, and keeps what it promises."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from beating_ellipsoid import FRAMES, MATRIX
from tiny_models import requests, settings_of, train, write_store

from synthaug.config.generators import CascadeSettings, SamplerSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.generators import build_generator
from synthaug.models import weights as weight_files
from synthaug.models.latents import LatentCache
from synthaug.models.motion_network import MotionNetwork
from synthaug.models.weights import load_model
from synthaug.synthesis.requests import request_cohort

SAMPLER = SamplerSettings(steps=2)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("data") / "train")


@pytest.fixture(scope="module")
def trained(store, tmp_path_factory):
    """Weight files by name, each trained when it is first asked for."""
    root, made = tmp_path_factory.mktemp("models"), {}

    def get(name, kind, needs=None, **changes):
        if name not in made:
            made[name] = train(kind, store, root / name, needs, changes, iterations=2)
        return made[name]

    return get


@pytest.fixture(scope="module")
def shared(trained):
    return {"autoencoder": trained("autoencoder", "autoencoder")}


@pytest.fixture(scope="module")
def latent(trained, shared):
    return load_model(trained("latent", "motion_diffusion", shared, target="latent"))


@pytest.fixture(scope="module")
def network(trained, shared):
    return load_model(trained("network", "motion_network", shared))


def cascade(**models):
    roles = {role: role for role in models}
    settings = CascadeSettings(
        kind="cascade", models=roles, anatomy_sampler=SAMPLER, motion_sampler=SAMPLER, labels="pseudo"
    )
    return build_generator(settings, models, "cpu")


def cycles(model, seed=0):
    """ED latents, latents of whole cycles that begin with them, phases and slices; one subject lacks a slice."""
    latents = torch.randn((2, FRAMES, *model.autoencoder.latent_shape), generator=generator(seed))
    slices = torch.ones(2, 1, latents.shape[3], 1, 1)
    slices[1, :, -1] = 0
    latents = latents * slices[:, None]
    return latents[:, 0], latents, torch.arange(FRAMES).expand(2, -1) / FRAMES, slices


# --- no residual --------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["latent", "residual"])
def test_a_perfect_network_gives_the_latents_back(trained, shared, target, monkeypatch):
    model = load_model(trained(target, "motion_diffusion", shared, target=target))
    anatomy, latents, phases, slices = cycles(model)
    drawn = latents if target == "latent" else latents - anatomy[:, None]
    perfect = (drawn - model.target_mean) / model.target_deviation * slices[:, None]
    monkeypatch.setattr(model, "solve", lambda predictor, given, noise, shape, settings: perfect)
    sampled = model.sample(anatomy, model.conditioner.read(requests(2)), phases, slices, latents, SAMPLER)
    torch.testing.assert_close(sampled, latents, atol=1e-5, rtol=0)
    assert torch.equal(sampled[:, 0], anatomy)


def test_latents_are_normalised_by_their_own_statistics(latent, trained, shared, store):
    latent.prepare(TensorStore.open(store))
    frames = latent.cache.mean[0].float()[:, 1:]
    there = latent.slices[:, None].expand_as(frames)[:, :, 0] > 0
    for channel in range(frames.shape[2]):
        values = frames[:, :, channel][there]
        assert float(latent.target_mean[channel]) == pytest.approx(float(values.mean()), abs=1e-4)
        assert float(latent.target_deviation[channel]) == pytest.approx(float(values.std()), rel=1e-3)
    residual = load_model(trained("residual", "motion_diffusion", shared, target="residual"))
    assert not residual.target_mean.any()  # residuals keep their zero


def test_a_shifted_model_is_trained_and_sampled_with_more_noise(trained, shared, latent):
    shifted = load_model(trained("shifted", "motion_diffusion", shared, noise_shift=3.0))
    half = torch.tensor(0.5)  # there noise and signal of the cosine schedule are equal
    for model, ratio in ((latent, 1.0), (shifted, 3.0)):
        alpha, sigma = model.objective.schedule(half)
        assert float(sigma / alpha) == pytest.approx(ratio)


def test_the_ed_frame_is_given_and_its_noise_not_looked_at(latent):
    anatomy, noise, phases, slices = cycles(latent)
    conditions = latent.conditioner.read(requests(2))
    first = latent.sample(anatomy, conditions, phases, slices, lambda *shape: noise, SAMPLER)
    other = noise.clone()
    other[:, 0] = 7
    again = latent.sample(anatomy, conditions, phases, slices, lambda *shape: other, SAMPLER)
    assert torch.equal(first, again) and torch.equal(first[:, 0], anatomy)
    moved = latent.sample(anatomy + slices, conditions, phases, slices, lambda *shape: noise, SAMPLER)
    assert not torch.equal(moved[:, 1:], first[:, 1:])  # every frame sees it


# --- no motion model ----------------------------------------------------------------------------


@pytest.fixture
def framewise(trained, shared):
    return cascade(**shared, anatomy=trained("anatomy-all", "anatomy_diffusion", shared, frames="all"))


def test_without_a_motion_model_every_frame_is_an_anatomy(framewise):
    (_, cine, labels), *others = framewise.sample(request_cohort(requests(3)))
    assert cine.shape == labels.shape == (FRAMES, 6, MATRIX, MATRIX) and len(others) == 2
    assert set(framewise.hashes) == {"autoencoder", "anatomy"}
    again = next(framewise.sample(request_cohort(requests(3).iloc[[2]])))
    assert np.array_equal(again[1], others[1][1])  # whatever its batch


def test_frames_differ_by_their_phase_alone(framewise):
    rows, slices = requests(1), torch.ones(1, 1, 6, 1, 1)
    latents = framewise.draw(rows, slices)
    assert not torch.equal(latents[:, 0], latents[:, 1])
    anatomy = framewise.anatomy
    alone = anatomy.sample(anatomy.conditioner.read(rows), slices, Noise(rows["seed"]), SAMPLER)
    torch.testing.assert_close(latents[:, 0], alone, atol=1e-5, rtol=1e-4)  # phase 0 is ED
    for parameter in anatomy.phase.parameters():
        parameter.zero_()
    still = framewise.draw(rows, slices)
    torch.testing.assert_close(still, still[:, :1].expand_as(still))


def test_any_frame_trains_with_its_own_phase(framewise, store):
    model, data = framewise.anatomy, TensorStore.open(store)
    model.prepare(data)
    batch = model.batch([0] * 60, generator())
    assert set(batch["phases"].tolist()) == set(model.phases[0].tolist())
    assert model.cache.mean.shape[2] == FRAMES


# --- no mask head -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare(trained):
    return {"autoencoder": trained("bare", "autoencoder", masks=False)}


def test_without_masks_nothing_is_decoded_but_the_image(bare, store):
    model, data = load_model(bare["autoencoder"]), TensorStore.open(store)
    assert len(model.decoder.heads) == 1
    images, labels = model.decode_cine(torch.zeros(2, 3, *model.latent_shape), torch.ones(2, 1, 6, 1, 1))
    assert images.shape == (2, 3, 6, MATRIX, MATRIX) and labels is None
    figures = json.loads(bare["autoencoder"].with_name("training.json").read_text())["figures"]
    assert set(figures) == {"psnr_db", "ssim"}
    model.prepare(data)
    batch = model.batch([0, 1], generator())
    loss, terms = model.loss(batch, generator(), 0)
    other, _ = model.loss({**batch, "labels": (batch["labels"] + 1) % 4}, generator(), 0)
    assert loss == other and "mask" not in terms  # labels are not looked at


def test_cines_of_such_a_cascade_come_without_masks(trained, bare):
    made = cascade(
        **bare,
        anatomy=trained("bare-anatomy", "anatomy_diffusion", bare),
        motion=trained("bare-motion", "motion_diffusion", bare),
    )
    for _, cine, labels in made.sample(request_cohort(requests(2))):
        assert np.isfinite(cine).all() and labels is None


# --- no clinical condition ----------------------------------------------------------------------


def test_without_conditions_nobody_is_asked_for(trained, shared):
    made = cascade(
        **shared,
        anatomy=trained("open-anatomy", "anatomy_diffusion", shared, conditions=[]),
        motion=trained("open-motion", "motion_diffusion", shared, conditions=[]),
    )
    rows = requests(1)
    cine = next(made.sample(request_cohort(rows)))[1]
    others = rows.assign(lv_edv_ml=400.0, diagnosis="unheard of", vendor="Z")
    assert np.array_equal(next(made.sample(request_cohort(others)))[1], cine)
    assert not np.array_equal(next(made.sample(request_cohort(rows.assign(seed=7))))[1], cine)
    made.settings = made.settings.model_copy(update={"anatomy_sampler": SamplerSettings(steps=2, guidance=9)})
    assert np.array_equal(next(made.sample(request_cohort(rows)))[1], cine)  # nothing to guide towards


# --- motion network -----------------------------------------------------------------------------


def plain_difference(anatomy, latents, slices):
    return latents - anatomy


def test_the_cines_that_codes_lead_to(network, monkeypatch):
    shape = (2, 3, 4, *network.autoencoder.latent_shape)
    mean, log_variance = torch.randn((2, *shape), generator=generator()).half()
    cache, slices = LatentCache(mean, log_variance, torch.ones(2, 3)), torch.ones(3, 1, shape[-3], 1, 1)
    coded = network.replace_motion(cache, slices)
    frames = torch.arange(4)
    drawn, ed = coded.draw(1, 2, frames, generator()), cache.draw(1, 2, torch.tensor([0]), generator())
    torch.testing.assert_close(drawn[:1], ed)
    anatomy = mean[1, 2, :1].float()
    code = network(anatomy.expand(3, -1, -1, -1, -1), mean[1, 2, 1:].float(), slices)
    torch.testing.assert_close(drawn[1:] - drawn[:1], code, atol=2e-2, rtol=1e-2)  # kept in 16 bits
    monkeypatch.setattr(network, "forward", plain_difference)
    assert (network.replace_motion(cache, slices).mean - mean).abs().max() < 1e-2
    assert torch.equal(cache.mean, mean)  # the caller's is left alone


def test_the_losses_of_a_code_that_is_the_difference(network, store, monkeypatch):
    network.prepare(TensorStore.open(store))
    batch = network.batch([0, 1, 3], generator())
    monkeypatch.setattr(network, "forward", plain_difference)
    total, terms = network.loss(batch, generator(), 0)
    slices = batch["slices"]
    encoded, _ = network.autoencoder.encode_cine(batch["frames"], slices)
    code = ((encoded[:, 1] - encoded[:, 0]) / network.standard_deviation) ** 2
    size = float((code * slices).sum() / (slices.expand_as(code).sum()))
    terms = {name: float(term) for name, term in terms.items()}
    assert terms["latent"] == pytest.approx(0, abs=1e-5) and terms["still"] == 0
    assert terms["size"] == pytest.approx(size, rel=1e-4) and terms["mask"] > 0
    assert float(total) == pytest.approx(0.01 * size + 0.3 * terms["mask"], rel=1e-4)


def test_a_code_of_nothing_explains_no_motion_and_the_difference_all(network, store, monkeypatch):
    data = TensorStore.open(store)
    monkeypatch.setattr(network, "forward", lambda anatomy, latents, slices: torch.zeros_like(latents))
    assert network.assess(data)["unexplained_motion"] == pytest.approx(1)
    monkeypatch.setattr(network, "forward", plain_difference)
    assert network.assess(data)["unexplained_motion"] < 0.05  # what 16 bits leave


def test_training_explains_motion(store, shared, tmp_path):
    weights = train("motion_network", store, tmp_path, shared, iterations=60, learning_rate=5e-3)
    figures = json.loads(weights.with_name("training.json").read_text())["figures"]
    assert figures["unexplained_motion"] < 0.95


def test_a_motion_model_of_codes_samples_as_any_other(trained, shared, network):
    needs = {**shared, "motion_network": trained("network", "motion_network", shared)}
    coded = trained("coded", "motion_diffusion", needs)
    plain = trained("plain", "motion_diffusion", shared)
    assert not torch.equal(load_model(coded).target_deviation, load_model(plain).target_deviation)
    made = cascade(**shared, anatomy=trained("anatomy", "anatomy_diffusion", shared), motion=coded)
    _, cine, labels = next(made.sample(request_cohort(requests(1))))
    assert cine.shape == labels.shape and made.seen == ["h0", "h1", "h2", "h3"]
    assert made.motion.needs["motion_network"].autoencoder is made.autoencoder  # loaded once


def test_a_motion_network_of_another_autoencoder_is_refused(trained, shared, bare, network):
    coded = trained(
        "coded", "motion_diffusion", {**shared, "motion_network": trained("network", "motion_network")}
    )
    with pytest.raises(SynthaugError, match="was trained with another autoencoder than the one given"):
        weight_files.load_model(coded, {"autoencoder": load_model(bare["autoencoder"])})


def test_only_latents_of_single_frames_move(network):
    settings = settings_of({"kind": "motion_network"})
    with pytest.raises(SynthaugError, match="give it a model of kind autoencoder"):
        MotionNetwork(settings, network.grid, {"autoencoder": network})
