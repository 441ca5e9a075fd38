"""The anisotropic networks: shapes, and what must not influence what."""

from __future__ import annotations

import pytest
import torch

from synthaug.networks.autoencoder import Decoder, Encoder
from synthaug.networks.conditions import ConditionEmbedding, PhaseEmbedding, cyclic_features
from synthaug.networks.unet import LatentUNet


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def randomise(network):
    """Zero-initialised branches would hide what flows through them."""
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network.eval()


def slices(*exist):
    return torch.tensor(exist, dtype=torch.float32)[None, None, :, None, None]


def test_the_autoencoder_compresses_the_plane_only():
    encoder, decoder = Encoder((8, 16), 1, 4), Decoder((8, 16), 1, 4, (1, 4))
    frames, there = torch.rand(2, 1, 5, 32, 24), slices(1, 1, 1, 1, 1).expand(2, -1, -1, -1, -1)
    mean, log_variance = encoder(frames, there)
    assert mean.shape == log_variance.shape == (2, 4, 5, 8, 6)
    image, masks = decoder(mean, there)
    assert image.shape == (2, 1, 5, 32, 24) and masks.shape == (2, 4, 5, 32, 24)


def test_missing_slices_change_nothing_in_the_others():
    encoder, decoder = randomise(Encoder((8, 16), 1, 4)), randomise(Decoder((8, 16), 1, 4, (1, 4)))
    frames, there = torch.rand(1, 1, 4, 16, 16), slices(0, 1, 1, 0)
    other = frames.clone()
    other[:, :, [0, 3]] = torch.rand(1, 1, 2, 16, 16)
    latents = [encoder(volume, there)[0][:, :, 1:3] for volume in (frames, other)]
    torch.testing.assert_close(*latents)
    alone = encoder(frames[:, :, 1:3], slices(1, 1))[0]
    torch.testing.assert_close(latents[0], alone)
    full, other_full = torch.rand(2, 1, 4, 4, 4, 4)
    other_full[:, :, 1:3] = full[:, :, 1:3]
    decoded = [decoder(latent, there)[0][:, :, 1:3] for latent in (full, other_full)]
    torch.testing.assert_close(*decoded)


def test_slices_exchange_information():
    encoder = randomise(Encoder((8,), 1, 2))
    frames = torch.rand(1, 1, 3, 8, 8)
    changed = frames.clone()
    changed[:, :, 0] = 0
    there = slices(1, 1, 1)
    assert not torch.allclose(encoder(frames, there)[0][:, :, 1], encoder(changed, there)[0][:, :, 1])


@pytest.fixture
def motion_network():
    return randomise(LatentUNet(3, 2, (8, 16), 1, 12, temporal=True))


def test_the_unet_keeps_odd_planes(motion_network):
    features = torch.randn(6, 3, 2, 5, 7)
    out = motion_network(features, torch.ones(6, 1, 2, 1, 1), torch.randn(6, 12), frames=3)
    assert out.shape == (6, 2, 2, 5, 7)


def test_a_new_unet_answers_zero():
    network = LatentUNet(3, 2, (8, 16), 1, 12, temporal=True)
    assert not network(torch.randn(4, 3, 2, 4, 4), torch.ones(4, 1, 2, 1, 1), torch.randn(4, 12), 2).any()


def test_missing_slices_change_nothing_in_the_unet(motion_network):
    features, there = torch.randn(2, 3, 3, 4, 4), slices(1, 1, 0).expand(2, -1, -1, -1, -1)
    other = features.clone()
    other[:, :, 2] = torch.randn(2, 3, 4, 4)
    embedding = torch.randn(2, 12)
    results = [motion_network(x, there, embedding, frames=2)[:, :, :2] for x in (features, other)]
    torch.testing.assert_close(*results)


def test_time_is_a_circle(motion_network):
    # Turning the cycle turns the answer: there is no first frame but by its phase.
    t = 4
    features, embedding = torch.randn(t, 3, 2, 4, 4), torch.randn(t, 12)
    there = torch.ones(t, 1, 2, 1, 1)
    straight = motion_network(features, there, embedding, t)
    turned = motion_network(features.roll(1, 0), there, embedding.roll(1, 0), t)
    torch.testing.assert_close(turned, straight.roll(1, 0), atol=1e-5, rtol=1e-4)


def test_frames_exchange_information_and_subjects_do_not(motion_network):
    features, embedding = torch.randn(6, 3, 2, 4, 4), torch.randn(6, 12)
    there = torch.ones(6, 1, 2, 1, 1)
    changed = features.clone()
    changed[0] += 1  # the first of three frames of the first of two subjects
    before, after = (motion_network(x, there, embedding, frames=3) for x in (features, changed))
    assert not torch.allclose(before[2], after[2])
    torch.testing.assert_close(before[3:], after[3:])


def test_phase_one_is_phase_zero():
    torch.testing.assert_close(
        cyclic_features(torch.tensor([0.0]), 4), cyclic_features(torch.tensor([1.0]), 4), atol=1e-5, rtol=0
    )
    assert PhaseEmbedding(6)(torch.rand(2, 5)).shape == (2, 5, 6)


def test_an_unknown_condition_is_its_null_whatever_its_value():
    embedding = ConditionEmbedding(["lv_edv_ml"], {"diagnosis": 3}, 8)
    known = {"lv_edv_ml": torch.tensor([True, False, False]), "diagnosis": torch.tensor([True, True, False])}
    values = {
        "lv_edv_ml": torch.tensor([0.5, float("nan"), 7.0]),
        "diagnosis": torch.tensor([2.0, 2.0, float("nan")]),
    }
    out = embedding(values, known)
    assert torch.isfinite(out).all()
    nulls = embedding.null["lv_edv_ml"] + embedding.null["diagnosis"]
    torch.testing.assert_close(out[2], nulls)
    torch.testing.assert_close(
        out[1] - out[2], embedding.categorical["diagnosis"].weight[2] - embedding.null["diagnosis"]
    )


def test_an_unknown_value_gives_no_nan_gradient():
    embedding = ConditionEmbedding(["lv_edv_ml"], {}, 4)
    values = {"lv_edv_ml": torch.tensor([float("nan"), 1.0])}
    embedding(values, {"lv_edv_ml": torch.tensor([False, True])}).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in embedding.parameters())
