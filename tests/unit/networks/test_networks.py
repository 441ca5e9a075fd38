"""The anisotropic networks: shapes, and what must not influence what."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from synthaug.networks import attention
from synthaug.networks.autoencoder import Decoder, Encoder
from synthaug.networks.cyclic import make_cyclic
from synthaug.networks.embeddings import ConditionEmbedding, PhaseEmbedding, cyclic_features
from synthaug.networks.factorised_unet import FactorisedUNet
from synthaug.networks.stacked_unet import StackedUNet
from synthaug.networks.transformer import CineTransformer
from synthaug.networks.unet import LatentUNet, TemporalConvolution

HALVES = ((2, 2), (2, 2))


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
    encoder, decoder = Encoder((8, 16), 1, 4, HALVES), Decoder((8, 16), 1, 4, HALVES, (1, 4))
    frames, there = torch.rand(2, 1, 5, 32, 24), slices(1, 1, 1, 1, 1).expand(2, -1, -1, -1, -1)
    mean, log_variance = encoder(frames, there)
    assert mean.shape == log_variance.shape == (2, 4, 5, 8, 6)
    image, masks = decoder(mean, there)
    assert image.shape == (2, 1, 5, 32, 24) and masks.shape == (2, 4, 5, 32, 24)


def test_missing_slices_change_nothing_in_the_others():
    encoder, decoder = (
        randomise(Encoder((8, 16), 1, 4, HALVES)),
        randomise(Decoder((8, 16), 1, 4, HALVES, (1, 4))),
    )
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
    encoder = randomise(Encoder((8,), 1, 2, HALVES))
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


def test_a_column_may_be_called_as_an_attribute_of_pytorch():
    """`type` and `values` are attributes of a module of modules: what is embedded of them is what is of other names."""
    other = ConditionEmbedding(["age", "weight_kg"], {}, 4)
    embedding = ConditionEmbedding(["type", "values"], {}, 4)
    with torch.no_grad():
        for own, its in zip(embedding.parameters(), other.parameters(), strict=True):
            own.copy_(its)
    values, known = torch.tensor([0.5, 2.0]), torch.tensor([True, False])
    torch.testing.assert_close(
        embedding(dict.fromkeys(["type", "values"], values), dict.fromkeys(["type", "values"], known)),
        other(dict.fromkeys(["age", "weight_kg"], values), dict.fromkeys(["age", "weight_kg"], known)),
    )


def test_an_unknown_value_gives_no_nan_gradient():
    embedding = ConditionEmbedding(["lv_edv_ml"], {}, 4)
    values = {"lv_edv_ml": torch.tensor([float("nan"), 1.0])}
    embedding(values, {"lv_edv_ml": torch.tensor([False, True])}).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in embedding.parameters())


# --- whole cines --------------------------------------------------------------------------------


def whole_cine(kind):
    """A network for latents (b, 4 frames, 2 channels, 3 slices, 4, 4)."""
    if kind == "unet":
        return randomise(StackedUNet(2, 3, (8, 8), 1, 6))
    if kind == "factorised_unet":
        return randomise(FactorisedUNet(2, (8, 8), 1, 6))
    return randomise(CineTransformer(2, (3, 4, 4), (1, 2, 2), 8, 2, 2, 6))


@pytest.mark.parametrize("kind", ["unet", "factorised_unet", "transformer"])
def test_a_cycle_that_starts_later_gives_a_prediction_that_starts_later(kind):
    network, latents, phases = whole_cine(kind), torch.randn(2, 4, 2, 3, 4, 4), torch.rand(2, 4)
    there, embedding = slices(1, 1, 1).expand(2, -1, -1, -1, -1), torch.randn(2, 6)
    prediction = network(latents, there, phases, embedding)
    assert prediction.shape == latents.shape and prediction.std() > 0
    later = network(latents.roll(1, 1), there, phases.roll(1, 1), embedding)
    torch.testing.assert_close(later, prediction.roll(1, 1), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(network(latents.roll(1, 1), there, phases, embedding), later)


@pytest.mark.parametrize("kind", ["factorised_unet", "transformer"])
def test_missing_slices_are_not_seen(kind):
    network, latents = whole_cine(kind), torch.randn(1, 4, 2, 3, 4, 4)
    other = latents.clone()
    other[:, :, :, 2] = torch.randn(1, 4, 2, 4, 4)
    phases, embedding, there = torch.rand(1, 4), torch.randn(1, 6), slices(1, 1, 0)
    first, second = (network(cine, there, phases, embedding)[:, :, :, :2] for cine in (latents, other))
    torch.testing.assert_close(first, second)
    assert not torch.allclose(first, network(latents, slices(1, 1, 1), phases, embedding)[:, :, :, :2])


@pytest.mark.parametrize("kind", ["factorised_unet", "transformer"])
def test_a_network_looks_across_frames_slices_and_plane(kind):
    network, latents = whole_cine(kind), torch.randn(1, 4, 2, 3, 4, 4)
    phases, embedding, there = torch.rand(1, 4), torch.randn(1, 6), slices(1, 1, 1)
    before = network(latents, there, phases, embedding)[0, 0, :, 0, 0, 0]
    for place in ((3, 0, 0, 0), (0, 2, 0, 0), (0, 0, 3, 3)):
        t, z, y, x = place
        changed = latents.clone()
        changed[0, t, :, z, y, x] += 3
        assert not torch.allclose(network(changed, there, phases, embedding)[0, 0, :, 0, 0, 0], before)


def test_temporal_convolutions_wrap_around_the_cycle():
    """A new temporal convolution changes nothing; one of a single weight adds the frame before, without its norm."""
    layer, features = TemporalConvolution(2), torch.randn(3 * 4, 2, 1, 2, 2)
    assert torch.equal(layer(features, 4), features)
    layer.norm = torch.nn.Identity()
    with torch.no_grad():
        layer.convolution.weight.zero_()
        layer.convolution.weight[range(2), range(2), 0] = 1
    cycles = features.unflatten(0, (3, 4))
    expected = cycles + torch.nn.functional.silu(cycles.roll(1, 1))  # the last frame is before the first
    torch.testing.assert_close(layer(features, 4), expected.flatten(0, 1))


def test_convolutions_wrap_around_the_cycle_and_keep_their_names():
    plain = torch.nn.Sequential(
        torch.nn.Conv3d(1, 2, 4, stride=2, padding=1),
        torch.nn.Conv3d(2, 2, 3, padding=1),
        torch.nn.ConvTranspose3d(2, 1, 4, stride=2, padding=1),
    )
    names, cine = list(plain.state_dict()), torch.randn(1, 1, 16, 8, 8)
    inside = plain(cine)[:, :, 8:9]  # too far from the ends to notice them
    network = make_cyclic(plain)
    assert list(network.state_dict()) == names
    answer = network(cine)
    assert answer.shape == cine.shape
    torch.testing.assert_close(answer[:, :, 8:9], inside)
    torch.testing.assert_close(network(cine.roll(2, 2)), answer.roll(2, 2), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("masks", [None, 1, 7])
def test_more_sequences_than_a_kernel_takes_are_attended_to_in_parts(masks, monkeypatch):
    query, key, value = (torch.randn(7, 2, 5, 4) for _ in range(3))
    mask = None if masks is None else torch.rand(masks, 1, 5, 5) > 0.3
    if mask is not None:
        mask[..., 0] = True
    whole = attention.attend(query, key, value, mask)
    calls = []

    def counted(query, *others, **how):
        calls.append(len(query))
        return fused(query, *others, **how)

    fused = functional.scaled_dot_product_attention
    monkeypatch.setattr(functional, "scaled_dot_product_attention", counted)
    monkeypatch.setattr(attention, "LAUNCHED", 3)
    torch.testing.assert_close(attention.attend(query, key, value, mask), whole)
    assert calls == [3, 3, 1]


def test_parts_are_as_causal_as_the_whole(monkeypatch):
    query, key, value = (torch.randn(5, 2, 6, 4) for _ in range(3))
    whole = attention.attend(query, key, value, causal=True)
    monkeypatch.setattr(attention, "LAUNCHED", 2)
    torch.testing.assert_close(attention.attend(query, key, value, causal=True), whole)
