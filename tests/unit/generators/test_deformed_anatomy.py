"""Deformed anatomy: ED as decoded, every frame that frame moved, masks with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from beating_ellipsoid import FRAMES, MATRIX
from tiny_models import requests, train, write_store

from synthaug.config.generators import DeformedAnatomySettings, SamplerSettings
from synthaug.core.errors import SynthaugError
from synthaug.generators import build_generator, describe, load
from synthaug.synthesis.requests import request_cohort

SETTINGS = DeformedAnatomySettings(
    kind="deformed_anatomy",
    anatomy_sampler=SamplerSettings(steps=2, guidance=2.0),
    deformation_sampler=SamplerSettings(steps=2),
)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    store = write_store(root / "store")
    needs = {"autoencoder": train("autoencoder", store, root / "autoencoder")}
    network = train("deformation_network", store, root / "network", needs, iterations=4, learning_rate=0.02)
    codes = {**needs, "deformation_network": network}
    few = {"copies": 1}  # layers that start at 0 open one after the other: some steps, large ones
    return {
        **codes,
        "anatomy": train("anatomy_diffusion", store, root / "anatomy", needs, {"copies": 2}, iterations=2),
        "deformation": train(
            "deformation_diffusion", store, root / "deformation", codes, few, iterations=5, learning_rate=0.05
        ),
    }


@pytest.fixture(scope="module")
def generator(models):
    return build_generator(SETTINGS, models, "cpu")


def test_samples_depend_on_their_row_and_seed_alone(generator, models, tmp_path):
    table = requests(3)
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
def test_ed_is_what_its_latent_decodes_to_and_other_frames_are_moved(generator):
    table, slices = requests(1), torch.ones(1, 1, 6, 1, 1)
    images, labels = generator.autoencoder.decode_cine(generator.draw(table, slices), slices)
    cines, masks = generator.make(request_cohort(table), slices)
    assert torch.equal(cines[:, :1], images) and torch.equal(masks[:, :1], labels)
    assert not torch.equal(cines[:, FRAMES // 2], images[:, 0])
    # ES at 0.4 of the cycle: with ten frames a shorter way in than out, and every frame at its own phase.
    middle = generator.phases(table)[0].sub(0.5).abs().argmin()
    change = (cines - cines[:, :1]).abs().mean(dim=(0, 2, 3, 4))
    assert change.argmax() == middle


def test_another_seed_or_request_is_another_heart(generator):
    table = requests(1)
    first = next(generator.sample(request_cohort(table)))[1]
    for other in (table.assign(seed=7), table.assign(lv_edv_ml=220.0), table.assign(es_phase=0.2)):
        assert not np.array_equal(first, next(generator.sample(request_cohort(other)))[1])


def test_what_the_models_saw_and_are_conditioned_on_is_known(generator, models):
    assert generator.seen == ["h0", "h1", "h2", "h3"] and set(generator.hashes) == set(models)
    assert generator.conditions == sorted(
        ["diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "lv_ef", "n_slices", "es_phase"]
    )


def test_conditions_of_an_unconditional_anatomy_are_not_claimed(models):
    """Those of the deformation remain; vendor is a condition of the anatomy alone."""
    settings = SETTINGS.model_copy(update={"anatomy_sampler": SamplerSettings(steps=2, guidance=0.0)})
    assert build_generator(settings, models, "cpu").conditions == sorted(
        ["diagnosis", "lv_edv_ml", "lv_esv_ml", "lv_ef", "n_slices", "es_phase"]
    )


def test_codes_of_another_network_are_refused(models, tmp_path):
    other = tmp_path / "model.safetensors"
    store = write_store(tmp_path / "store", subjects=2)
    train("deformation_network", store, tmp_path, {"autoencoder": models["autoencoder"]}, iterations=1)
    with pytest.raises(
        SynthaugError, match="was trained with another deformation_network than the one given"
    ):
        build_generator(SETTINGS, {**models, "deformation_network": other}, "cpu")


def test_a_role_that_is_missing_is_refused():
    with pytest.raises(
        ValueError, match="exactly the roles autoencoder, anatomy, deformation_network and deformation"
    ):
        DeformedAnatomySettings(kind="deformed_anatomy", models={"autoencoder": "autoencoder"})
