"""Masked autoregressive generation: whole cines token by token, on the latents of either autoencoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from beating_ellipsoid import FRAMES, MATRIX
from tiny_models import SLICES, requests, train, write_store

from synthaug.config.generators import MaskedAutoregressiveSettings, SamplerSettings
from synthaug.core.errors import SynthaugError
from synthaug.generators import build_generator, describe, load
from synthaug.synthesis.requests import request_cohort

SETTINGS = MaskedAutoregressiveSettings(
    kind="masked_autoregressive", steps=3, sampler=SamplerSettings(name="ddpm", steps=2, guidance=2.0)
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("masked") / "store")


@pytest.fixture(scope="module", params=["slice_autoencoder", "vq_autoencoder"])
def models(request, store, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    needs = {"autoencoder": train(request.param, store, folder / "coder", iterations=2)}
    changes = {"copies": 2}  # layers that start at 0 open one after the other: some steps
    trained = train("masked_autoregression", store, folder / "model", needs, changes, iterations=8)
    return {**needs, "autoregression": trained}


def test_samples_depend_on_their_row_and_seed_alone(models, tmp_path):
    generator, table = build_generator(SETTINGS, models, "cpu"), requests(3)
    together = {
        subject: (cine, labels)
        for subject, cine, labels in generator.sample(request_cohort(table), batch_size=3)
    }
    for row in table.itertuples():
        cine, labels = together[row.subject]
        assert cine.shape == labels.shape == (FRAMES, row.n_slices, MATRIX, MATRIX)
        assert cine.dtype == np.float32 and cine.min() >= 0 and cine.max() <= 1 and np.isfinite(cine).all()
        assert labels.dtype == np.uint8 and labels.max() <= 3
    describe(tmp_path / "generator.json", SETTINGS, models)
    _, cine, labels = next(load(tmp_path, device="cpu").sample(request_cohort(table.iloc[[2]])))
    assert np.array_equal(cine, together["s-2"][0]) and np.array_equal(labels, together["s-2"][1])


@torch.no_grad()
def latents(models, table, **changes):
    """Before decoding: hardly trained codes are all one."""
    generator = build_generator(SETTINGS.model_copy(update=changes), models, "cpu")
    return generator.draw(table, torch.ones(len(table), 1, SLICES, 1, 1))


def test_another_seed_or_request_is_another_heart(models):
    table = requests(1)
    first = latents(models, table)
    assert torch.equal(first, latents(models, table))
    for other in (table.assign(seed=7), table.assign(lv_edv_ml=220.0), table.assign(es_phase=0.2)):
        assert not torch.equal(first, latents(models, other))


def test_decoding_and_its_noise_are_settings_of_the_generator(models):
    table = requests(1)
    first = latents(models, table)
    for changes in ({"steps": 5}, {"temperature": 0.5}):
        assert not torch.equal(first, latents(models, table, **changes))


def test_what_the_models_saw_and_are_conditioned_on_is_known(models):
    generator = build_generator(SETTINGS, models, "cpu")
    assert generator.seen == ["h0", "h1", "h2", "h3"] and set(generator.hashes) == set(models)
    assert generator.conditions == sorted(
        ["diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "n_slices", "es_phase"]
    )


def test_conditions_of_an_unconditional_sample_have_no_effect_and_are_not_claimed(models):
    sampler = SETTINGS.sampler.model_copy(update={"guidance": 0.0})
    settings = SETTINGS.model_copy(update={"sampler": sampler})
    assert build_generator(settings, models, "cpu").conditions == ["es_phase", "n_slices"]
    table = requests(1)
    other = table.assign(lv_edv_ml=220.0)
    assert torch.equal(latents(models, table, sampler=sampler), latents(models, other, sampler=sampler))


def test_too_many_slices_are_refused_by_name(models):
    generator = build_generator(SETTINGS, models, "cpu")
    with pytest.raises(SynthaugError, match="s-0: 9 slices are requested"):
        next(generator.sample(request_cohort(requests(1).assign(n_slices=9))))


def test_a_role_that_is_missing_is_refused():
    with pytest.raises(
        ValueError, match="exactly the roles autoencoder and autoregression; name a model for each"
    ):
        MaskedAutoregressiveSettings(kind="masked_autoregressive", models={"autoencoder": "autoencoder"})
