"""Options against learning patients by heart: noise on the anatomy, dropout, places of slices."""

from __future__ import annotations

import pytest
import torch
from tiny_models import SMALL, requests, settings_of, train, write_store

from synthaug.config.generators import SamplerSettings
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.models.base import Grid
from synthaug.models.motion_diffusion import MotionDiffusion
from synthaug.models.weights import load_model
from synthaug.networks.blocks import ResidualBlock
from synthaug.networks.embeddings import describe_stack, slice_places

MOTION = {"kind": "motion_diffusion", **SMALL["motion_diffusion"]}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("data") / "train")


@pytest.fixture(scope="module")
def autoencoder(store, tmp_path_factory):
    return {"autoencoder": train("autoencoder", store, tmp_path_factory.mktemp("autoencoder"), iterations=2)}


# --- noise on the anatomy -------------------------------------------------------------------------


def prepared(store, autoencoder, target: str, noise: float) -> MotionDiffusion:
    data = TensorStore.open(store)
    needs = {"autoencoder": load_model(autoencoder["autoencoder"])}
    settings = settings_of({**MOTION, "target": target, "anatomy_noise": noise})
    torch.manual_seed(0)
    model = MotionDiffusion(settings, Grid.of(data), needs, MotionDiffusion.facts(settings, data))
    model.prepare(data)
    return model


def shown(store, autoencoder, monkeypatch, target: str, noise: float):
    """What the network of a motion model sees in one step: noisy frames, the anatomy beside them; and the model."""
    model = prepared(store, autoencoder, target, noise)
    channels = model.autoencoder.latent_shape[0]
    seen = {}

    def network(features, slices, embedding, frames):
        seen["features"] = features.unflatten(0, (-1, frames))
        return torch.zeros_like(features[:, :channels])

    monkeypatch.setattr(model.network, "forward", network)
    batch = model.batch([0, 1] * 30, generator())
    model.loss(batch, generator(1), 0)
    return seen["features"][:, :, :channels], seen["features"][:, :, channels : 2 * channels], model, batch


def test_without_it_the_network_is_shown_the_anatomy(store, autoencoder, monkeypatch) -> None:
    _, beside, model, batch = shown(store, autoencoder, monkeypatch, "residual", 0.0)
    anatomy = model.normalise(batch["latents"][:, 0], batch["slices"])
    assert torch.equal(beside, anatomy[:, None].expand_as(beside))


def test_noise_has_another_size_for_each_item_up_to_the_largest(store, autoencoder, monkeypatch) -> None:
    _, beside, model, batch = shown(store, autoencoder, monkeypatch, "residual", 0.5)
    anatomy = model.normalise(batch["latents"][:, 0], batch["slices"])
    assert torch.equal(beside, beside[:, :1].expand_as(beside))  # the same for all frames
    noise = beside[:, 0] - anatomy
    there = batch["slices"].expand_as(noise) > 0
    assert not noise[~there].any()
    sizes = torch.stack([item[kept].std() for item, kept in zip(noise, there, strict=True)])
    assert float(sizes.max()) < 0.5 * 1.1 and float(sizes.max()) > 0.4 and float(sizes.min()) < 0.1
    assert float(sizes.mean()) == pytest.approx(0.25, abs=0.06)


def test_the_known_frame_is_disturbed_alike(store, autoencoder, monkeypatch) -> None:
    frames, beside, model, batch = shown(store, autoencoder, monkeypatch, "latent", 0.5)
    anatomy = beside[:, 0] * model.standard_deviation + model.mean
    first = (anatomy - model.target_mean) / model.target_deviation * batch["slices"]
    torch.testing.assert_close(frames[:, 0], first, atol=1e-4, rtol=1e-4)
    frames, *_ = shown(store, autoencoder, monkeypatch, "residual", 0.5)
    assert not frames[:, 0].any()  # ED does not differ from itself


def test_what_is_to_be_predicted_is_not_disturbed(store, autoencoder, monkeypatch) -> None:
    asked = {}
    for noise in (0.0, 0.5):

        def keep(self, predict, data, weights, generator, noise=noise):
            asked[noise] = data
            return data.sum()

        monkeypatch.setattr(MotionDiffusion, "diffusion_loss", keep)
        model = prepared(store, autoencoder, "residual", noise)
        model.loss(model.batch([0, 1], generator()), generator(1), 0)
    assert torch.equal(asked[0.0], asked[0.5])


# --- dropout --------------------------------------------------------------------------------------


def test_a_block_drops_features_in_training_only() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(4, 4, dropout=0.5)
    torch.nn.init.normal_(block.convolution_2.weight)
    features, slices = torch.randn(1, 4, 3, 8, 8), torch.ones(1, 1, 3, 1, 1)
    plain = ResidualBlock(4, 4)
    plain.load_state_dict(block.state_dict())  # dropout has no weights
    assert torch.equal(block.eval()(features, slices), plain(features, slices))
    block.train()
    assert not torch.equal(block(features, slices), block(features, slices))
    torch.manual_seed(7)
    first = block(features, slices)
    torch.manual_seed(7)
    assert torch.equal(first, block(features, slices))


@pytest.mark.parametrize("kind", ["anatomy_diffusion", "motion_diffusion"])
def test_models_sample_without_dropout_and_with_places(kind, store, autoencoder, tmp_path) -> None:
    model = load_model(
        train(kind, store, tmp_path / kind, autoencoder, {"dropout": 0.5, "slice_places": True}, iterations=2)
    )
    rates = {layer.p for layer in model.network.modules() if isinstance(layer, torch.nn.Dropout)}
    assert rates == {0.5} and not model.training
    rows, slices = requests(2), torch.ones(2, 1, 6, 1, 1)
    slices[1, :, -1] = 0
    sampler = SamplerSettings(steps=2)

    def sample() -> torch.Tensor:
        values, noise = model.conditioner.read(rows), Noise(rows["seed"])
        if kind == "anatomy_diffusion":
            return model.sample(values, slices, noise, sampler)
        anatomy = torch.randn((2, *model.autoencoder.latent_shape), generator=generator()) * slices
        return model.sample(anatomy, values, torch.arange(4).expand(2, -1) / 4, slices, noise, sampler)

    first = sample()
    assert torch.equal(first, sample())
    missing = first[1, ..., -1, :, :]
    assert torch.isfinite(first).all() and not missing.any()


# --- places of slices -----------------------------------------------------------------------------


def stack(*exist: int) -> torch.Tensor:
    return torch.tensor(exist, dtype=torch.float).view(1, 1, -1, 1, 1)


@pytest.mark.parametrize(
    ("exist", "places"),
    [
        ((1, 1, 1, 1, 1), (-1, -0.5, 0, 0.5, 1)),
        ((0, 1, 1, 1, 0), (0, -1, 0, 1, 0)),
        ((0, 0, 1, 0, 0), (0, 0, 0, 0, 0)),
        ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0)),
    ],
)
def test_places_run_from_base_to_apex_of_what_exists(exist, places) -> None:
    found = slice_places(stack(*exist))
    assert found.flatten().tolist() == pytest.approx(list(places))
    assert torch.equal(describe_stack(stack(*exist), places=True), torch.cat([stack(*exist), found], dim=1))
    assert torch.equal(describe_stack(stack(*exist), places=False), stack(*exist))
