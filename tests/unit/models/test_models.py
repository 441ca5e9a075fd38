"""What models make of a store: geometry, conditions, latents, losses, weight files."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_models import settings_of, train, write_store

from synthaug.config.geometry import GeometrySettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.labels import UNLABELLED
from synthaug.models.autoencoder import Autoencoder, mask_loss, masked_mean
from synthaug.models.base import Grid
from synthaug.models.conditioned_latents import ConditionedLatents
from synthaug.models.conditioner import Conditioner, raw_values, vocabulary
from synthaug.models.geometry import Geometry
from synthaug.models.latents import channel_statistics, encode_cines
from synthaug.models.reconstruction import labelled_frames
from synthaug.models.weights import load_model, read_header
from synthaug.networks.conditioning import Kept


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("data") / "train")


@pytest.fixture(scope="module")
def weights(store, tmp_path_factory):
    return train("autoencoder", store, tmp_path_factory.mktemp("autoencoder"))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# --- geometry -----------------------------------------------------------------------------------


def square(size=32, first=10, last=20):
    volume = torch.zeros(2, size, size)
    volume[:, first:last, first:last] = 1
    return volume


def test_a_shift_moves_by_whole_voxels():
    moved = Geometry(shift=(3, -2)).apply(square())
    torch.testing.assert_close(moved, square().roll((3, -2), (1, 2)), atol=1e-5, rtol=0)


def test_a_quarter_turn_turns():
    pattern = torch.rand(1, 16, 16)
    turned = Geometry(rotation=math.pi / 2).apply(pattern)
    directions = [torch.rot90(pattern, turns, (1, 2)) for turns in (1, 3)]
    assert any(torch.allclose(turned, direction, atol=1e-4) for direction in directions)


def test_volume_grows_with_the_square_of_the_scale():
    disc = (torch.stack(torch.meshgrid(*[torch.arange(96) - 47.5] * 2, indexing="ij")).norm(dim=0) < 20)[None]
    for scale in (0.9, 1.09):
        grown = Geometry(scale=scale).apply(disc.byte(), labels=True)
        assert grown.sum() / disc.sum() == pytest.approx(scale**2, rel=0.02)


def test_shift_and_turn_keep_the_volume_in_a_wide_plane():
    ellipse = torch.zeros(1, 64, 96)
    y, x = torch.meshgrid(torch.arange(64) - 32, torch.arange(96) - 48, indexing="ij")
    ellipse[0] = ((y / 10) ** 2 + (x / 20) ** 2 < 1).float()
    moved = Geometry(shift=(2.5, -3), rotation=0.3).apply(ellipse)
    assert float(moved.sum()) == pytest.approx(float(ellipse.sum()), rel=0.01)


def test_labels_stay_labels():
    labels = torch.full((2, 16, 16), UNLABELLED, dtype=torch.uint8)
    labels[0] = 3
    drawn = Geometry.draw(GeometrySettings(), generator())
    moved = drawn.apply(labels, labels=True)
    assert moved.dtype == torch.uint8 and set(moved.unique().tolist()) == {3, UNLABELLED}


def test_drawn_geometry_keeps_to_its_limits():
    limits = GeometrySettings(shift_voxels=2, rotation_degrees=5, scale=0.1)
    source = generator()
    drawn = [Geometry.draw(limits, source) for _ in range(200)]
    assert max(abs(value) for one in drawn for value in one.shift) <= 2
    assert max(abs(one.rotation) for one in drawn) <= math.radians(5)
    assert 0.9 <= min(one.scale for one in drawn) < 0.92 and 1.08 < max(one.scale for one in drawn) <= 1.1


# --- conditions ---------------------------------------------------------------------------------

TABLE = pd.DataFrame(
    {
        "diagnosis": pd.array(["NOR", None, "DCM"], dtype="string"),
        "lv_edv_ml": [100.0, np.nan, 200.0],
        "lv_esv_ml": [40.0, np.nan, 150.0],
        "es_frame": [4.0, np.nan, 0.0],
        "n_frames": [10, 10, 10],
    }
)


def test_conditions_are_read_from_a_cohorts_table():
    np.testing.assert_allclose(raw_values(TABLE, "lv_ef"), [0.6, np.nan, 0.25], rtol=1e-6)
    # ES in frame 0 cannot be: there it is unknown.
    np.testing.assert_allclose(raw_values(TABLE, "es_phase"), [0.4, np.nan, np.nan], rtol=1e-6)
    requested = pd.DataFrame({"es_phase": [0.3]})
    np.testing.assert_allclose(raw_values(requested, "es_phase"), [0.3], rtol=1e-6)


def test_statistics_leave_the_unknown_out():
    names = ["diagnosis", "lv_edv_ml"]
    conditions = Conditioner(names, vocabulary(TABLE, names), 4)
    conditions.fit(TABLE)
    assert conditions.mean.item() == 150
    assert conditions.standard_deviation.item() == pytest.approx(np.std([100, 200], ddof=1))
    assert conditions.vocabulary == {"diagnosis": ["DCM", "NOR"]}
    values = conditions.read(TABLE)
    assert values["diagnosis"].tolist()[::2] == [1, 0] and torch.isnan(values["diagnosis"][1])


def test_a_dropped_condition_is_an_unknown_one():
    names = ["diagnosis", "lv_edv_ml"]
    conditions = Conditioner(names, vocabulary(TABLE, names), 4)
    conditions.fit(TABLE)
    values = conditions.read(TABLE)
    values_kept, everyone = torch.tensor([[False, False], [True, True], [True, False]]), torch.ones(3).bool()
    embedded = conditions(values, Kept(values_kept, everyone, everyone)).vector
    torch.testing.assert_close(embedded[0], embedded[1])  # all dropped and all unknown
    assert not torch.allclose(embedded[2], embedded[1])


def test_an_unseen_category_is_refused_by_name():
    conditions = Conditioner(["diagnosis"], vocabulary(TABLE, ["diagnosis"]), 4)
    with pytest.raises(
        SynthaugError, match="diagnosis 'AMYL' was not among the training subjects; known are DCM, NOR"
    ):
        conditions.read(pd.DataFrame({"diagnosis": ["AMYL"]}))


# --- losses -------------------------------------------------------------------------------------


def test_means_leave_missing_slices_out():
    values = torch.tensor([1.0, 5.0, 100.0])[None, None, :, None, None].expand(2, 3, 3, 4, 4)
    slices = torch.tensor([1.0, 1.0, 0.0])[None, None, :, None, None].expand(2, 1, 3, 1, 1)
    assert masked_mean(values, slices).item() == pytest.approx(3)
    mean, deviation = channel_statistics(values, slices)
    torch.testing.assert_close(mean.flatten(), torch.full((3,), 3.0))
    torch.testing.assert_close(deviation.flatten(), torch.full((3,), 2.0))


def test_unlabelled_voxels_do_not_train_masks():
    torch.manual_seed(0)
    logits = torch.randn(1, 4, 2, 3, 3, requires_grad=True)
    labels = torch.full((1, 2, 3, 3), UNLABELLED, dtype=torch.uint8)
    nothing = mask_loss(logits, labels)
    nothing.backward()
    assert nothing.item() == 0 and not logits.grad.any()
    labels[:, 0] = 1
    mask_loss(logits, labels).backward()
    assert not logits.grad[:, :, 1].any() and logits.grad[:, :, 0].any()


def test_a_perfect_mask_has_no_loss_and_a_wrong_one_has():
    labels = torch.randint(0, 4, (1, 3, 8, 8), generator=generator(), dtype=torch.uint8)
    perfect = 50 * torch.nn.functional.one_hot(labels.long(), 4).movedim(-1, 1).float()
    assert mask_loss(perfect, labels).item() == pytest.approx(0, abs=1e-5)
    assert mask_loss(-perfect, labels).item() > 1


# --- the autoencoder and its latents ------------------------------------------------------------


def test_labelled_frames_are_preferred_but_not_alone(store, weights):
    model = load_model(weights)
    data = TensorStore.open(store)
    model.prepare(data)
    batch = model.batch([0] * 200, generator())
    labelled = (batch["labels"] != UNLABELLED).flatten(1).any(dim=1).float().mean().item()
    frames = model.grid.frames
    assert labelled == pytest.approx(0.5 + 0.5 * len(labelled_frames(data, 0)) / frames, abs=0.12)
    unlabelled = model.batch([len(data) - 1] * 20, generator())
    assert (unlabelled["labels"] == UNLABELLED).all()


def test_a_plane_that_does_not_divide_is_refused():
    settings = settings_of({"kind": "autoencoder", "channels": [8, 8, 8]})
    with pytest.raises(SynthaugError, match="60 x 64 voxels is not divisible by 8 x 8"):
        Autoencoder(settings, Grid(4, 3, 60, 64, (10, 2, 2)), {})


@torch.no_grad()
def test_strides_of_the_plane_are_the_settings():
    settings = settings_of({"kind": "autoencoder", "channels": [4, 8], "strides": [[1, 2, 2], [1, 2, 1]]})
    model = Autoencoder(settings, Grid(4, 3, 16, 24, (10, 2, 2)), {})
    frames, slices = torch.rand(2, 1, 3, 16, 24), torch.ones(2, 1, 3, 1, 1)
    mean, _ = model.encode(frames, slices)
    assert mean.shape == (2, *model.latent_shape) == (2, 8, 3, 4, 12)
    image, logits = model.decode(mean, slices)
    assert image.shape == frames.shape and logits.shape == (2, 4, 3, 16, 24)


@pytest.mark.parametrize(
    ("strides", "message"),
    [
        ([[2, 2, 2], [1, 2, 2]], "this kind encodes single frames; give 1 for t"),
        ([[1, 2, 2]], "strides has 1 levels and channels 2; give each level both"),
        ([[1, 3, 2], [1, 2, 2]], "Input should be 1 or 2"),
    ],
)
def test_strides_that_cannot_be_are_refused(strides, message):
    with pytest.raises(ValueError, match=message):
        settings_of({"kind": "autoencoder", "channels": [4, 8], "strides": strides})


def test_asked_volumes_and_mass_grow_with_the_square_of_the_scale():
    known = {"lv_edv_ml": 150.0, "lv_esv_ml": 60.0, "myo_mass_g": 100.0, "lv_ef": 0.6, "n_slices": 9.0}
    subject = SimpleNamespace(training_values={name: torch.tensor([value]) for name, value in known.items()})
    grown = ConditionedLatents.values_of(subject, [0], torch.tensor([1.1]))
    for name, factor in {
        "lv_edv_ml": 1.21,
        "lv_esv_ml": 1.21,
        "myo_mass_g": 1.21,
        "lv_ef": 1,
        "n_slices": 1,
    }.items():
        assert grown[name].item() == pytest.approx(known[name] * factor)


def test_cached_latents_are_those_of_the_cine(store, weights):
    model, data = load_model(weights), TensorStore.open(store)
    cache = encode_cines(model, data, [0, 2], 3, GeometrySettings())
    assert cache.mean.shape == (3, len(data), 2, *model.latent_shape)
    frame = torch.from_numpy(data.images[1, 2].astype(np.float32))[None, None]
    slices = torch.from_numpy(data.slice_mask[1]).float()[None, None, :, None, None]
    mean, _ = model.encode(frame, slices)
    torch.testing.assert_close(cache.mean[0, 1, 1].float(), mean[0], atol=5e-3, rtol=5e-3)
    assert (cache.scale[0] == 1).all() and (cache.scale[1:] != 1).all()
    again = encode_cines(model, data, [0, 2], 3, GeometrySettings())
    assert torch.equal(again.mean, cache.mean) and torch.equal(again.scale, cache.scale)


def test_frames_of_one_draw_share_their_noise(store, weights):
    model, data = load_model(weights), TensorStore.open(store)
    cache = encode_cines(model, data, [0, 1], 1, GeometrySettings())
    cache.log_variance.zero_()
    drawn = cache.draw(0, 0, torch.tensor([0, 1]), generator())
    noise = drawn - cache.mean[0, 0].float()
    torch.testing.assert_close(noise[0], noise[1])
    other = cache.draw(0, 0, torch.tensor([0, 1]), generator(1))
    assert not torch.allclose(drawn, other)
    assert noise.std().item() == pytest.approx(1, abs=0.1)


# --- weight files -------------------------------------------------------------------------------


def test_a_weight_file_says_what_it_is(store, weights):
    header = read_header(weights)
    assert header.settings["kind"] == "autoencoder" and header.needs == {}
    assert header.seen == list(TensorStore.open(store).table.index)
    model = load_model(weights)
    assert model.seen == header.seen and not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_a_changed_weight_is_noticed(weights, tmp_path):
    with safe_open(weights, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(weights)
    name = next(iter(tensors))
    tensors[name].view(-1)[0] += 1
    save_file(tensors, tmp_path / "model.safetensors", metadata=metadata)
    with pytest.raises(SynthaugError, match="differ from their recorded checksum"):
        load_model(tmp_path / "model.safetensors")


def test_what_is_no_weight_file_is_refused(tmp_path):
    with pytest.raises(SynthaugError, match="no such weight file"):
        load_model(tmp_path / "model.safetensors")
    (tmp_path / "text.safetensors").write_text("not weights")
    with pytest.raises(SynthaugError, match="not a readable safetensors file"):
        load_model(tmp_path / "text.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(SynthaugError, match="no synthaug header"):
        load_model(tmp_path / "foreign.safetensors")


def test_statistics_travel_with_the_weights(store, weights, tmp_path):
    path = train("anatomy_diffusion", store, tmp_path, {"autoencoder": weights})
    model = load_model(path)
    data = TensorStore.open(store)
    cache = encode_cines(model.autoencoder, data, [0], 1, GeometrySettings())
    slices = torch.from_numpy(data.slice_mask).float()[:, None, :, None, None]
    mean, deviation = channel_statistics(cache.mean[0, :, 0].float(), slices)
    torch.testing.assert_close(model.mean, mean)
    torch.testing.assert_close(model.standard_deviation, deviation)
    assert model.conditioner.vocabulary["diagnosis"] == ["DCM", "NOR"]
    assert not any(name.startswith(("autoencoder", "needs")) for name in model.state_dict())
