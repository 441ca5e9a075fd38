"""Autoregressive generation over codes: whole cines and masks from one codebook."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from beating_ellipsoid import FRAMES, MATRIX
from tiny_models import FEW_CODES, SLICES, requests, train, write_store

from synthaug.config.generators import CodeSamplerSettings, VQAutoregressiveSettings
from synthaug.core.errors import SynthaugError
from synthaug.generators import build_generator, describe, load
from synthaug.synthesis.requests import request_cohort

SETTINGS = VQAutoregressiveSettings(kind="vq_autoregressive", sampler=CodeSamplerSettings(guidance=2.0))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("codes")
    store = write_store(folder / "store")
    needs = {"autoencoder": train("vq_autoencoder", store, folder / "coder", changes=FEW_CODES, iterations=6)}
    changes = {"copies": 2}  # layers that start at 0 open one after the other: some steps, large ones
    trained = train(
        "vq_autoregression", store, folder / "model", needs, changes, iterations=8, learning_rate=0.05
    )
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
    """Before decoding."""
    settings = SETTINGS.model_copy(update={"sampler": SETTINGS.sampler.model_copy(update=changes)})
    generator = build_generator(settings, models, "cpu")
    slices = torch.zeros(len(table), 1, SLICES, 1, 1)
    slices[:, :, : int(table["n_slices"].max())] = 1
    return generator.draw(table, slices)


def test_another_seed_or_request_is_another_heart(models):
    table = requests(1)
    first = latents(models, table)
    assert torch.equal(first, latents(models, table)) and first.std() > 0
    for other in (table.assign(seed=7), table.assign(lv_edv_ml=220.0), table.assign(es_phase=0.2)):
        assert not torch.equal(first, latents(models, other))


def test_the_draws_are_settings_of_the_generator(models):
    table = requests(1)
    first = latents(models, table)
    for changes in ({"guidance": 1.0}, {"temperature": 0.5}, {"top_k": 1}, {"top_p": 0.3}):
        assert not torch.equal(first, latents(models, table, **changes))
    # The likeliest codes do not depend on the seed.
    greedy = latents(models, table, top_k=1)
    assert torch.equal(greedy, latents(models, table.assign(seed=7), top_k=1))


def test_no_code_of_a_slice_that_is_not_requested_is_drawn(models):
    generator, seen = build_generator(SETTINGS, models, "cpu"), []
    network = generator.autoregression.network
    network.output.register_forward_hook(lambda module, given, result: seen.append(len(result)))
    next(generator.sample(request_cohort(requests(1).assign(n_slices=3))))
    assert len(seen) == 3 * generator.autoregression.tokens_per_slice


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
    assert torch.equal(
        latents(models, table, guidance=0.0), latents(models, table.assign(lv_edv_ml=220.0), guidance=0.0)
    )


def test_too_many_slices_are_refused_by_name(models):
    generator = build_generator(SETTINGS, models, "cpu")
    with pytest.raises(SynthaugError, match="s-0: 9 slices are requested"):
        next(generator.sample(request_cohort(requests(1).assign(n_slices=9))))


def test_a_role_that_is_missing_is_refused():
    with pytest.raises(
        ValueError, match="exactly the roles autoencoder and autoregression; name a model for each"
    ):
        VQAutoregressiveSettings(kind="vq_autoregressive", models={"autoencoder": "autoencoder"})
