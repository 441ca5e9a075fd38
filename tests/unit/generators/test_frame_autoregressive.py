"""Frames one after the other, and frames each for itself: whole cines and masks from both."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from beating_ellipsoid import FRAMES, MATRIX
from tiny_models import requests, train, write_store

from synthaug.config.generators import CascadeSettings, FrameAutoregressiveSettings, SamplerSettings
from synthaug.diffusion.noise import Noise
from synthaug.generators import build_generator, describe, load
from synthaug.synthesis.requests import request_cohort

SETTINGS = FrameAutoregressiveSettings(
    kind="frame_autoregressive", sampler=SamplerSettings(steps=2, guidance=2.0)
)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    store = write_store(root / "store")
    needs = {"autoencoder": train("autoencoder", store, root / "autoencoder")}
    few = {"copies": 1}  # layers that start at 0 open one after the other: some steps, large ones
    return {
        **needs,
        "sequence": train(
            "sequence_diffusion", store, root / "sequence", needs, few, iterations=6, learning_rate=0.05
        ),
        "anatomy": train(
            "anatomy_diffusion",
            store,
            root / "anatomy",
            needs,
            {"copies": 1, "frames": "all"},
            iterations=6,
            learning_rate=0.05,
        ),
    }


def roles(models, *names):
    return {name: models[name] for name in ("autoencoder", *names)}


def test_samples_depend_on_their_row_and_seed_alone(models, tmp_path):
    used, table = roles(models, "sequence"), requests(3)
    generator = build_generator(SETTINGS, used, "cpu")
    together = {
        subject: (cine, labels)
        for subject, cine, labels in generator.sample(request_cohort(table), batch_size=3)
    }
    for row in table.itertuples():
        cine, labels = together[row.subject]
        assert cine.shape == labels.shape == (FRAMES, row.n_slices, MATRIX, MATRIX)
        assert cine.min() >= 0 and cine.max() <= 1 and np.isfinite(cine).all() and labels.max() <= 3
    describe(tmp_path / "generator.json", SETTINGS, used)
    _, cine, labels = next(load(tmp_path, device="cpu").sample(request_cohort(table.iloc[[2]])))
    assert np.array_equal(cine, together["s-2"][0]) and np.array_equal(labels, together["s-2"][1])
    assert generator.seen == ["h0", "h1", "h2", "h3"] and generator.conditions == sorted(
        ["diagnosis", "vendor", "lv_edv_ml", "lv_esv_ml", "n_slices", "es_phase"]
    )


@torch.no_grad()
def test_another_seed_or_request_is_another_heart(models):
    generator, table = build_generator(SETTINGS, roles(models, "sequence"), "cpu"), requests(1)
    slices = torch.ones(1, 1, 6, 1, 1)
    first = generator.draw(table, slices)
    assert torch.equal(first, generator.draw(table, slices))
    for other in (table.assign(seed=7), table.assign(lv_edv_ml=220.0), table.assign(es_phase=0.2)):
        assert not torch.equal(first, generator.draw(other, slices))


def test_a_role_that_is_missing_is_refused():
    with pytest.raises(ValueError, match="exactly the roles autoencoder and sequence; name a model for each"):
        FrameAutoregressiveSettings(kind="frame_autoregressive", models={"autoencoder": "autoencoder"})


# --- 3D diffusion without time ------------------------------------------------------------------


def test_noise_is_shared_by_copies_or_each_takes_its_own():
    shared, apart = Noise([1, 2], copies=3)(4), Noise([1, 2], copies=3, shared=False)
    first, second = apart(4), apart(4)
    assert first.shape == shared.shape == (6, 4)
    assert torch.equal(shared[0], shared[2]) and not torch.equal(shared[0], shared[3])
    assert len({tuple(row.tolist()) for row in torch.cat([first, second])}) == 12
    alone = Noise([2], copies=3, shared=False)
    assert torch.equal(alone(4), first[3:]) and torch.equal(alone(4), second[3:])


def apart(models, shared_noise):
    settings = CascadeSettings(
        kind="cascade",
        models={"autoencoder": "autoencoder", "anatomy": "anatomy"},
        anatomy_sampler=SamplerSettings(steps=2),
        shared_noise=shared_noise,
    )
    return build_generator(settings, roles(models, "anatomy"), "cpu")


@torch.no_grad()
def test_frames_with_noise_of_their_own_are_frames_of_their_own(models):
    table, slices = requests(2), torch.ones(2, 1, 6, 1, 1)
    together, each = (apart(models, shared).draw(table, slices) for shared in (True, False))
    assert together.shape == each.shape

    def jump(latents):
        """Change from frame to frame, relative to the change over the plane."""
        return latents.diff(dim=1).abs().mean() / latents.diff(dim=-1).abs().mean()

    assert jump(each) > 3 * jump(together)
    alone = apart(models, False).draw(table.iloc[[1]], slices[1:])
    torch.testing.assert_close(alone, each[1:])


def test_noise_of_their_own_is_for_frames_without_a_motion_model():
    with pytest.raises(
        ValueError, match="shared_noise: false draws each frame for itself; leave out the role"
    ):
        CascadeSettings(kind="cascade", shared_noise=False)
