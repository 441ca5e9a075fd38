"""The perceptual term by a trained masked autoencoder: its distance, what it is shown, and trainings with it."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.ndimage import gaussian_filter
from tiny_models import SMALL, settings_of, train, write_store

from synthaug.core.artifacts import sha256_file
from synthaug.core.errors import SynthaugError
from synthaug.core.registry import class_of
from synthaug.data.store import TensorStore
from synthaug.jobs.interruption import INTERRUPTED
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.feature_distance import feature_distance
from synthaug.models.masked_autoencoder import MaskedAutoencoder
from synthaug.models.slice_autoencoder import SliceAutoencoder
from synthaug.models.weights import load_model, read_header

KINDS = ["autoencoder", "slice_autoencoder", "vq_autoencoder"]
LATE = {"late_from": 0.0}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store") / "store")


@pytest.fixture(scope="module")
def features(store, tmp_path_factory):
    """Weight file of the network of the perceptual term."""
    return train("masked_autoencoder", store, tmp_path_factory.mktemp("features"), iterations=2)


@pytest.fixture(scope="module")
def network(features):
    return load_model(features)


@pytest.fixture(scope="module")
def cycles(store):
    """A slice of two hearts through the cycle, (2, t, y, x)."""
    return torch.from_numpy(np.array(TensorStore.open(store).images[:2, :, 2], np.float32))


class Answers:
    """A network that answers with given features: those of the real clips, then those of the made ones."""

    def __init__(self, *answers):
        self.answers = [[torch.tensor(tokens)[None] for tokens in blocks] for blocks in answers]

    def block_features(self, clips, axis):
        return self.answers.pop(0)


class Watches:
    """A network that keeps the shape and axis of what it is shown, which is its own only feature."""

    def __init__(self):
        self.shown = []

    def block_features(self, clips, axis):
        self.shown.append((tuple(clips.shape), axis, clips.requires_grad))
        return [clips.flatten(1)[:, None]]


def blurred(clips, voxels):
    return torch.from_numpy(gaussian_filter(clips.numpy(), (0, 0, voxels, voxels)))


# --- the distance -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("real", "made", "distance"),
    [
        ([[[3.0, 4.0]]], [[[3.0, 4.0]]], 0),
        ([[[3.0, 4.0]]], [[[6.0, 8.0]]], 0),  # lengths do not count
        ([[[1.0, 0.0]]], [[[0.0, 5.0]]], 2),  # at right angles: 1 + 1
        ([[[1.0, 0.0]]], [[[-1.0, 0.0]]], 4),
        ([[[1.0, 0.0], [0.0, 1.0]]], [[[0.0, 1.0], [0.0, 1.0]]], 1),  # mean of two patches
        ([[[1.0, 0.0]], [[1.0, 0.0]]], [[[0.0, 1.0]], [[-1.0, 0.0]]], 3),  # mean of two blocks
    ],
)
def test_it_is_twice_one_minus_the_cosine(real, made, distance):
    clip = torch.zeros(1, 1, 8, 8)
    assert feature_distance(Answers(real, made), clip, clip, "image").item() == pytest.approx(distance)


@pytest.mark.parametrize("axis", ["image", "temporal"])
def test_it_is_zero_for_equal_clips_and_grows_with_blur_and_noise(network, cycles, axis):
    clips = cycles[:, :1] if axis == "image" else cycles
    noise = torch.randn(clips.shape, generator=torch.Generator().manual_seed(0))

    def distance(made):
        return feature_distance(network, made, clips, axis).item()

    assert distance(clips.clone()) == 0
    assert 0 < distance(blurred(clips, 0.7)) < distance(blurred(clips, 1.5)) < 4
    assert distance(clips + 0.05) < distance(blurred(clips, 0.7))  # brightness hardly counts
    assert 0 < distance(clips + 0.02 * noise) < distance(clips + 0.1 * noise) < 4


def test_images_are_compared_one_by_one_and_a_cycle_as_a_whole(network, cycles):
    """The order of the frames, the same in both clips, counts in a cycle alone."""
    order = torch.tensor([3, 0, 5, 1, 9, 2, 8, 4, 7, 6])
    images, shuffled = cycles[0][:, None], cycles[0, order][:, None]
    alone = [feature_distance(network, blurred(part, 1), part, "image").item() for part in (images, shuffled)]
    assert alone[0] == pytest.approx(alone[1], rel=1e-4)
    together = [
        feature_distance(network, blurred(part, 1), part, "temporal").item()
        for part in (cycles[:1], cycles[:1, order])
    ]
    assert together[0] != pytest.approx(together[1], rel=1e-3)


def test_the_gradient_reaches_what_is_made_and_nothing_else(network, cycles):
    made, real = blurred(cycles, 1).requires_grad_(), cycles.clone().requires_grad_()
    feature_distance(network, made, real, "temporal").backward()
    assert made.grad.abs().sum() > 0 and real.grad is None
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in network.parameters())
    assert not any(part.training for part in network.modules())


def test_a_step_along_the_gradient_brings_a_blurred_image_nearer(network, cycles):
    real = cycles[:, :1]
    made = blurred(real, 1).requires_grad_()
    distance = feature_distance(network, made, real, "image")
    distance.backward()
    nearer = made.detach() - 1e-2 * made.grad / made.grad.abs().max()
    assert feature_distance(network, nearer, real, "image") < distance


def test_gradients_of_flat_and_of_equal_images_are_finite(network, cycles):
    """A patch without contrast has no standard deviation to divide by, equal clips have no distance."""
    for start in (torch.zeros_like(cycles), torch.full_like(cycles, 0.5), cycles.clone()):
        made = start.requires_grad_()
        feature_distance(network, made, cycles, "temporal").backward()
        assert made.grad.isfinite().all()


def test_it_is_in_float32_where_networks_are_not(network, cycles):
    made = blurred(cycles, 1)
    exact = feature_distance(network, made, cycles, "temporal")
    with torch.autocast("cpu", torch.bfloat16):
        distance = feature_distance(network, made.bfloat16(), cycles, "temporal")
        assert feature_distance(network, cycles.clone(), cycles, "temporal").item() == 0
    assert distance.dtype == torch.float32 and distance.item() == pytest.approx(exact.item(), rel=0.1)


# --- what an autoencoder shows ------------------------------------------------------------------


def coder_of(kind, store, perceptual=None, **changes):
    settings = settings_of({"kind": kind, **SMALL[kind], **LATE, **changes})
    needs = {} if perceptual is None else {"perceptual": perceptual}
    torch.manual_seed(0)
    model = class_of(settings, TrainableModel)(settings, Grid.of(store), needs)
    model.prepare(store)
    return model


@pytest.mark.parametrize(
    ("kind", "changes", "shape", "axis"),
    [
        # Hearts have 6 and 5 slices: a missing one is not shown.
        ("autoencoder", {}, (11, 1, 64, 64), "image"),
        ("slice_autoencoder", {"slices_drawn": 3}, (6, 10, 64, 64), "temporal"),
        ("vq_autoencoder", {"slices_drawn": 3}, (6, 10, 64, 64), "temporal"),
    ],
)
def test_each_kind_shows_clips_as_the_network_was_trained_on(kind, changes, shape, axis, store):
    watches = Watches()
    coder = coder_of(kind, TensorStore.open(store), watches, **changes)
    generator = torch.Generator().manual_seed(0)
    batch = coder.batch([0, 1], generator)
    last = coder.settings.training.iterations - 1
    _, terms = coder.loss(batch, generator, last)
    assert watches.shown == [(shape, axis, False), (shape, axis, True)]  # real, then made
    assert terms["perceptual"] > 0 and not terms["perceptual"].requires_grad


def test_the_network_is_not_asked_before_the_term_rises(store):
    watches = Watches()
    coder = coder_of("autoencoder", TensorStore.open(store), watches, late_from=0.5)
    generator = torch.Generator().manual_seed(0)
    half = coder.settings.training.iterations // 2
    assert "perceptual" not in coder.loss(coder.batch([0, 1], generator), generator, half)[1]
    assert watches.shown == []


def test_the_weight_scales_the_term(store, network):
    data, losses = TensorStore.open(store), {}
    for weight in (0.0, 0.1, 2.0):
        coder = coder_of("slice_autoencoder", data, network, perceptual_weight=weight)
        generator = torch.Generator().manual_seed(0)
        total, terms = coder.loss(
            coder.batch([0, 1], generator), generator, coder.settings.training.iterations - 1
        )
        losses[weight] = total.item(), terms["perceptual"].item()
    without, distance = losses[0.0]
    for weight in (0.1, 2.0):
        assert losses[weight][0] == pytest.approx(without + weight * distance, rel=1e-5)
        assert losses[weight][1] == pytest.approx(distance)


def test_a_class_without_features_is_refused_in_one_line(store):
    with pytest.raises(SynthaugError, match=r"needs\.perceptual: object has no method block_features; name"):
        coder_of("autoencoder", TensorStore.open(store), object())


# --- trainings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_two_steps_of_the_loop_leave_the_network_as_it_was(kind, store, features, tmp_path):
    before = sha256_file(features)
    made = train(kind, store, tmp_path, {"perceptual": features}, LATE, iterations=2)
    columns = (tmp_path / "history.csv").read_text().splitlines()[0].split(",")
    assert "perceptual" in columns and sha256_file(features) == before
    assert read_header(made).needs["perceptual"]["sha256"] == before
    without = coder_of(kind, TensorStore.open(store))
    assert load_file(made).keys() == without.state_dict().keys()
    count = json.loads((tmp_path / "training.json").read_text())["parameters"]
    assert count == sum(parameter.numel() for parameter in without.parameters())


def test_what_is_loaded_reconstructs_without_asking_the_network(store, features, tmp_path):
    made = train("slice_autoencoder", store, tmp_path, {"perceptual": features}, LATE, iterations=1)
    coder = load_model(made)
    assert isinstance(coder.needs["perceptual"], MaskedAutoencoder)
    coder.needs.clear()
    assert "psnr_db" in coder.assess(TensorStore.open(store))


def test_a_training_with_the_term_resumes_bit_for_bit(store, features, tmp_path, monkeypatch):
    needs = {"perceptual": features}
    whole = train("slice_autoencoder", store, tmp_path / "whole", needs, LATE)
    loss = SliceAutoencoder.loss

    def stopping(self, batch, generator, iteration):
        if iteration == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss(self, batch, generator, iteration)

    with monkeypatch.context() as patch:
        patch.setattr(SliceAutoencoder, "loss", stopping)
        with pytest.raises(SystemExit) as stopped:
            train("slice_autoencoder", store, tmp_path / "parts", needs, LATE)
    assert stopped.value.code == INTERRUPTED
    resumed = train("slice_autoencoder", store, tmp_path / "parts", needs, LATE)
    assert json.loads((tmp_path / "parts" / "training.json").read_text())["resumed_at"] == [2]
    first, second = load_file(whole), load_file(resumed)
    assert all(torch.equal(first[name], second[name]) for name in first)
