"""Single-pass generation: whole cines from one diffusion model, on the latents of either autoencoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from beating_ellipsoid import FRAMES, MATRIX
from tiny_models import requests, settings_of, train, write_store

from synthaug.config.generators import SamplerSettings, SinglePassSettings
from synthaug.core.errors import SynthaugError
from synthaug.generators import build_generator, describe, load
from synthaug.models.base import Grid
from synthaug.models.cine_diffusion import CineDiffusion
from synthaug.synthesis.requests import request_cohort

SETTINGS = SinglePassSettings(kind="single_pass", sampler=SamplerSettings(steps=2, guidance=2.0))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("single") / "store")


@pytest.fixture(scope="module", params=["autoencoder", "vq_autoencoder"])
def coder(request, store, tmp_path_factory):
    return train(request.param, store, tmp_path_factory.mktemp(request.param), iterations=2)


@pytest.fixture(scope="module", params=["unet", "factorised_unet", "transformer"])
def models(request, store, coder, tmp_path_factory):
    changes = {"network": request.param, "loss": "huber", "objective": "epsilon"}
    folder = tmp_path_factory.mktemp("diffusion")
    needs = {"autoencoder": coder}
    return {**needs, "diffusion": train("cine_diffusion", store, folder, needs, changes, iterations=2)}


def test_samples_depend_on_their_row_and_seed_alone(models, tmp_path):
    generator, table = build_generator(SETTINGS, models, "cpu"), requests(3)
    together = {
        subject: (cine, labels)
        for subject, cine, labels in generator.sample(request_cohort(table), batch_size=3)
    }
    for row in table.itertuples():
        cine, labels = together[row.subject]
        assert cine.shape == labels.shape == (FRAMES, row.n_slices, MATRIX, MATRIX)
        assert cine.dtype == np.float32 and cine.min() >= 0 and cine.max() <= 1
        assert labels.dtype == np.uint8 and labels.max() <= 3
    describe(tmp_path / "generator.json", SETTINGS, models)
    _, cine, labels = next(load(tmp_path, device="cpu").sample(request_cohort(table.iloc[[2]])))
    assert np.array_equal(cine, together["s-2"][0]) and np.array_equal(labels, together["s-2"][1])
    assert not np.array_equal(
        next(generator.sample(request_cohort(table.assign(seed=7))))[1], together["s-0"][0]
    )


def test_what_the_models_saw_is_known(models):
    generator = build_generator(SETTINGS, models, "cpu")
    assert generator.seen == ["h0", "h1", "h2", "h3"] and set(generator.hashes) == set(models)


class Latents:
    """What a diffusion model reads of an autoencoder."""

    latent_shape, frames_per_latent = (2, 3, 6, 6), 1


def test_a_patch_that_does_not_divide_the_latent_is_refused():
    settings = settings_of({"kind": "cine_diffusion", "network": "transformer", "patch": [1, 4, 2]})
    with pytest.raises(SynthaugError, match="6 rows of the latent are not divisible by the patch's 4"):
        CineDiffusion(
            settings,
            Grid(4, 3, 48, 48, (10, 2, 2)),
            {"autoencoder": Latents()},
            {"vocabulary": {"diagnosis": [], "vendor": []}},
        )


def test_hubers_loss_is_the_square_of_small_errors():
    """Predicting nothing of data of 0.1 errs by 0.1, which counts 0.1 squared; an error of 3 counts 2 x 3 - 1."""
    losses = {}
    for loss in ("squared", "huber"):
        settings = settings_of(
            {"kind": "cine_diffusion", "channels": [8, 8], "loss": loss, "objective": "data"}
        )
        model = CineDiffusion(
            settings,
            Grid(2, 3, 48, 48, (10, 2, 2)),
            {"autoencoder": Latents()},
            {"vocabulary": {"diagnosis": [], "vendor": []}},
        )
        for size in (0.1, 3.0):
            data = torch.full((1, 2, 2, 3, 6, 6), size)
            generator = torch.Generator().manual_seed(0)
            value = model.diffusion_loss(
                lambda noisy, times, kept: torch.zeros_like(noisy), data, torch.ones(1), generator
            )
            losses[loss, size] = float(value)
    assert losses["huber", 0.1] == pytest.approx(losses["squared", 0.1])
    assert losses["huber", 3.0] / losses["squared", 3.0] == pytest.approx((2 * 3 - 1) / 9)
