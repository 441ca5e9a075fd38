"""Control branch: it starts as the base, leaves the base as it is, learns, and knows frames without masks."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tiny_models import SMALL, settings_of, train, write_store

from synthaug.config.generators import SamplerSettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.labels import UNLABELLED
from synthaug.models.base import Grid
from synthaug.models.control_branch import STRUCTURE, ControlBranch
from synthaug.models.structure import canny_edges, drop_frames, label_channels, label_edges
from synthaug.models.weights import load_model


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("control") / "train")


def base_of(network, data, root):
    coder = train("autoencoder", data, root / "coder", iterations=1)
    changes = {"network": network, "copies": 1}
    base = train("cine_diffusion", data, root / "base", {"autoencoder": coder}, changes, iterations=1)
    return {"autoencoder": coder, "diffusion": base}


@pytest.fixture(scope="module")
def needs(data, tmp_path_factory):
    return base_of("unet", data, tmp_path_factory.mktemp("stacked"))


def made(needs, data, **changes):
    loaded = {"autoencoder": load_model(needs["autoencoder"])}
    loaded["diffusion"] = load_model(needs["diffusion"], loaded)
    if unet := getattr(loaded["diffusion"].network, "unet", None):
        torch.nn.init.normal_(unet.output.weight, std=0.1)  # stands for a trained base
    content = {"kind": "control_branch", **SMALL["control_branch"], "copies": 2, **changes}
    store = TensorStore.open(data)
    torch.manual_seed(0)
    model = ControlBranch(settings_of(content), Grid.of(store), loaded)
    model.prepare(store)
    return model


def take_steps(model, steps, rate=1e-2):
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser, losses = torch.optim.AdamW(learned, lr=rate), []
    for step in range(steps):
        generator = torch.Generator().manual_seed(0)  # the same batch and noise: the loss must fall
        loss, _ = model.loss(model.batch([0, 1], generator), generator, step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one, two):
    return all(torch.equal(one[name], two[name]) for name in one)


@torch.no_grad()
def predictions(model, structure, scale=1.0):
    """Of the steered and of the plain base, for the same noisy latents."""
    batch = model.batch([0, 1], torch.Generator().manual_seed(1))
    values = {name: value for name, value in batch.items() if name != STRUCTURE}
    noisy = torch.randn(batch["latents"].shape, generator=torch.Generator().manual_seed(2))
    control = model.control(*model.encode(structure, batch["slices"], scale))
    given = (values, batch["phases"], batch["slices"])
    times = torch.full((2,), 0.5)
    return [model.base.predictor(*given, steering)(noisy, times, None) for steering in (control, None)]


def heart(model, fill=1):
    grid = model.grid
    structure = torch.zeros(2, grid.frames, grid.z, grid.y, grid.x, dtype=torch.uint8)
    structure[..., 20:40, 20:40] = fill
    return structure


@pytest.mark.parametrize("network", ["unet", "factorised_unet"])
def test_it_starts_as_the_base_bit_for_bit_then_learns_and_leaves_the_base_alone(network, data, tmp_path):
    model = made(base_of(network, data, tmp_path), data, copies=1)
    steered, plain = predictions(model, heart(model))
    assert torch.equal(steered, plain)
    before = state(model.base)
    losses = take_steps(model, 4)
    assert losses[-1] < losses[0] and same(before, state(model.base))
    steered, plain = predictions(model, heart(model))
    assert not torch.equal(steered, plain)
    assert not torch.equal(steered, predictions(model, heart(model, fill=3))[0])
    unknown = torch.full_like(heart(model), UNLABELLED)
    for structure, scale in ((heart(model), 0.0), (unknown, 1.0)):
        steered, plain = predictions(model, structure, scale)
        assert torch.equal(steered, plain)


def test_the_first_middle_block_is_trained_where_asked_in_a_copy(needs, data):
    model = made(needs, data, trainable_base="middle")
    steered, plain = predictions(model, heart(model))
    assert torch.equal(steered, plain)
    before = state(model.base)
    twin = copy.deepcopy(model.middle)
    take_steps(model, 2)
    assert same(before, state(model.base)) and not same(state(twin), state(model.middle))


def test_one_sample_without_masks_is_the_base_beside_one_that_has_them(needs, data):
    model = made(needs, data)
    take_steps(model, 2)
    structure = heart(model)
    structure[1] = UNLABELLED
    steered, plain = predictions(model, structure)
    assert torch.equal(steered[1], plain[1]) and not torch.equal(steered[0], plain[0])


def test_only_labelled_frames_are_given_unless_masks_are_decoded(needs, data):
    store = TensorStore.open(data)
    model = made(needs, data, copies=1, drop_frames=0)
    structure = model.batch([0, 3], torch.Generator().manual_seed(0))[STRUCTURE]
    known = (structure != UNLABELLED).flatten(2).any(dim=2)
    assert known[0].nonzero().flatten().tolist() == [0, 5] and not known[1].any()  # the last is unlabelled
    assert torch.equal(structure[0, 0], torch.from_numpy(store.labels[0, 0].copy()))
    assert model.assess(store) == {"own_mask_frames": 6, "decoded_mask_frames": 0}
    decoded = made(needs, data, copies=1, drop_frames=0, masks="decoded")
    structure = decoded.batch([0, 3], torch.Generator().manual_seed(0))[STRUCTURE]
    assert (structure != UNLABELLED).flatten(2).any(dim=2).all()
    assert torch.equal(structure[0, 0], torch.from_numpy(store.labels[0, 0].copy()))
    missing = torch.from_numpy(~store.slice_mask[3])
    assert missing.any() and (structure[1][:, missing] == UNLABELLED).all()
    assert decoded.assess(store) == {"own_mask_frames": 6, "decoded_mask_frames": 34}


def test_masks_move_with_their_cine(needs, data):
    model = made(needs, data, drop_frames=0)
    geometry = model.base.cache.geometries[1][0]
    labels = torch.from_numpy(TensorStore.open(data).labels[0, [0, 5]].copy())
    moved = model._structure(1, 0, torch.arange(len(TensorStore.open(data).labels[0])))
    assert torch.equal(moved[[0, 5]], geometry.apply(labels, labels=True))
    assert not torch.equal(moved[0], labels[0])


def test_some_frames_of_a_cine_are_a_training_item_with_their_own_masks(data, tmp_path):
    coder = train("autoencoder", data, tmp_path / "coder", iterations=1)
    words = train("text_encoder", data, tmp_path / "text", {}, iterations=1)
    needs = {"autoencoder": coder, "text": words}
    changes = {"needs": {"autoencoder": "autoencoder", "text": "text"}}
    needs["diffusion"] = train("text_diffusion", data, tmp_path / "base", needs, changes, iterations=1)
    loaded = {"autoencoder": load_model(coder), "text": load_model(words)}
    loaded["diffusion"] = load_model(needs["diffusion"], loaded)
    content = {"kind": "control_branch", **SMALL["control_branch"], "copies": 1, "drop_frames": 0}
    store = TensorStore.open(data)
    model = ControlBranch(
        settings_of({**content, "masks": "decoded", "frames_drawn": 3}), Grid.of(store), loaded
    )
    model.prepare(store)
    batch = model.batch([0, 1], torch.Generator().manual_seed(3))
    assert batch["latents"].shape[:2] == batch[STRUCTURE].shape[:2] == batch["phases"].shape == (2, 3)
    whole = model._structure(0, 1, torch.arange(model.grid.frames))
    frames = [(model.base.phases[1] - phase).abs().argmin() for phase in batch["phases"][1]]
    assert frames == sorted(frames) and len({int(frame) for frame in frames}) == 3
    assert torch.equal(batch[STRUCTURE][1], whole[torch.stack(frames)])
    assert torch.isfinite(torch.tensor(take_steps(model, 2))).all()


def test_some_frames_of_a_model_of_whole_cycles_are_refused(needs, data):
    with pytest.raises(
        SynthaugError, match="frames_drawn: the diffusion model takes whole cines only; leave"
    ):
        made(needs, data, frames_drawn=3)


def test_edges_steer_and_missing_slices_have_none(needs, data):
    model = made(needs, data, structure="canny", copies=1)
    structure = model.batch([1], torch.Generator().manual_seed(0))[STRUCTURE][0]
    slices = model.base.slices[1, 0, :, 0, 0] > 0
    assert set(structure[:, slices].unique().tolist()) <= {0, 1, UNLABELLED}
    assert (structure[:, ~slices] == UNLABELLED).all() and (structure == 1).any()
    losses = take_steps(model, 4)
    assert losses[-1] < losses[0]


def test_samples_follow_from_request_and_seed(needs, data):
    model = made(needs, data)
    take_steps(model, 3)
    batch = model.base.cine_batch([0, 1], torch.Generator().manual_seed(0))
    values = {name: batch[name] for name in model.base.conditioner.names}
    settings = SamplerSettings(steps=2, guidance=2.0)

    def draw(structure, seeds=(1, 2)):
        with torch.no_grad():
            return model.sample(values, batch["phases"], batch["slices"], structure, Noise(seeds), settings)

    asked = draw(heart(model))
    assert torch.equal(asked, draw(heart(model))) and torch.isfinite(asked).all()
    assert not torch.equal(asked, draw(heart(model, fill=3)))
    with torch.no_grad():
        plain = model.base.sample(values, batch["phases"], batch["slices"], Noise([1, 2]), settings)
    assert torch.equal(draw(torch.full_like(heart(model), UNLABELLED)), plain)


def test_a_base_without_a_u_net_or_a_fold_without_labels_is_refused(data, tmp_path, needs):
    with pytest.raises(SynthaugError, match="has no U-Net to copy; give it network: unet"):
        made(base_of("transformer", data, tmp_path), data)
    store = write_store(tmp_path / "unlabelled", subjects=1)
    with pytest.raises(SynthaugError, match="no training subject has labels to steer by; label some"):
        made(needs, store)


# --- structure ----------------------------------------------------------------------------------


def test_label_channels_are_one_hot_with_a_flag_of_known_frames():
    labels = torch.tensor([[0, 1, 2, 3, UNLABELLED]], dtype=torch.uint8).view(1, 1, 1, 1, 5)
    channels = label_channels(labels)[0, 0, :, 0, 0]
    assert channels.T.tolist() == [[0, 0, 0, 1], [1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 0, 0]]


def test_a_step_is_an_edge_from_the_upper_threshold_and_below_only_where_it_touches_one():
    """Sobel answers four times the step: 60 grey values give 240, 40 give 160, 20 give 80."""
    image = np.zeros((3, 24, 24))
    for place, grey in enumerate((60, 40, 20)):
        image[place, :, 12:] = grey / 255
    found = canny_edges(image)
    assert [bool(plane.any()) for plane in found] == [True, False, False]
    assert set(np.flatnonzero(found[0].any(axis=0))) <= {11, 12}
    mixed = np.zeros((24, 24))
    mixed[:12, 12:], mixed[12:, 12:] = 60 / 255, 40 / 255
    rows = np.flatnonzero(canny_edges(mixed)[:, 11:13].any(axis=1))
    assert rows.max() > 18 and rows.min() < 6


def test_edges_of_labels_lie_on_their_borders():
    labels = np.zeros((1, 1, 24, 24), np.uint8)
    labels[..., 4:20, 4:20] = 2
    labels[..., 8:16, 8:16] = 1
    edges = label_edges(labels)[0, 0]
    inside = edges[10:14, 10:14], edges[12, :3]
    assert edges.max() == 1 and not any(part.any() for part in inside)
    assert edges[12, 3:5].any() and edges[12, 7:9].any()
    labels[:] = UNLABELLED
    assert (label_edges(labels) == UNLABELLED).all()


def test_a_share_of_the_frames_is_dropped_at_the_rate_asked():
    known = torch.ones(4000, 8, dtype=torch.bool)
    known[:, 7] = False
    given = drop_frames(known, 0.4, torch.Generator().manual_seed(0))
    assert not given[:, 7].any()
    whole = given[:, :7].all(dim=1).float().mean()
    # Of those with a share u, all 7 frames are kept with u^7: 1/8 on average.
    assert float(whole) == pytest.approx(0.6 + 0.4 / 8, abs=0.03)
    assert torch.equal(drop_frames(known, 0.0, torch.Generator().manual_seed(0)), known)
