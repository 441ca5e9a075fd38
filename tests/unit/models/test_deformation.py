"""Deformation by a drawn code: codes of nothing, scaled codes, masks, statistics, and what training learns."""

from __future__ import annotations

import json

import pytest
import torch
from beating_ellipsoid import FRAMES, MATRIX
from tiny_models import requests, settings_of, train, write_store

from synthaug.config.generators import SamplerSettings
from synthaug.config.geometry import GeometrySettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.labels import LV, MYO, UNLABELLED
from synthaug.metrics.overlap import dice
from synthaug.models.base import Grid
from synthaug.models.deformation_diffusion import DeformationDiffusion
from synthaug.models.deformation_network import (
    DeformationNetwork,
    local_correlation,
    scaled,
    systole_of,
    warp_labels,
    warped_mask_loss,
)
from synthaug.models.phases import contraction, frame_of_systole
from synthaug.models.weights import load_model

SLICES = 3


@pytest.fixture(scope="module")
def store_path(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("data") / "train", n_slices=SLICES)


@pytest.fixture(scope="module")
def store(store_path):
    return TensorStore.open(store_path)


@pytest.fixture(scope="module")
def models(store_path, tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    coder = {
        "autoencoder": train(
            "autoencoder", store_path, root / "coder", iterations=12, learning_rate=0.01, batch_size=4
        )
    }
    network = train(
        "deformation_network",
        store_path,
        root / "network",
        coder,
        {"smoothness_weight": 0.5, "mask_weight": 3.0},  # so that few steps show
        iterations=20,
        learning_rate=0.03,
        batch_size=4,
        ema_decay=0.5,
    )
    return {**coder, "deformation_network": network}


@pytest.fixture(scope="module")
def network(models) -> DeformationNetwork:
    return load_model(models["deformation_network"])


def pair_of(network, store, indices):
    """Latents of ED and ES, and slices, of subjects whose ES is the middle frame."""
    cines = torch.from_numpy(store.images[indices][:, [0, FRAMES // 2]]).float()
    slices = torch.from_numpy(store.slice_mask[indices]).float()[:, None, :, None, None]
    with torch.no_grad():
        encoded, _ = network.autoencoder.encode_cine(cines, slices)
    return cines, encoded[:, 0], encoded[:, 1], slices


# --- time ---------------------------------------------------------------------------------------


def test_systole_is_the_frame_of_the_table_or_the_middle_one(store):
    assert frame_of_systole(torch.tensor([0.3, 0.5, torch.nan]), 10) == [3, 5, 5]
    assert systole_of(store) == [FRAMES // 2] * 4


def test_the_contraction_is_0_at_ed_and_1_at_es():
    phases = torch.tensor([[0.0, 0.25, 0.5, 0.75, 0.9]])
    torch.testing.assert_close(contraction(phases), torch.tensor([[0.0, 0.5, 1.0, 0.5, 0.2]]))
    code = torch.ones(1, 2, 1, 1, 1)
    assert scaled(code, contraction(phases))[0, :, 1].flatten().tolist() == pytest.approx(
        [0, 0.5, 1, 0.5, 0.2]
    )


# --- the loss -----------------------------------------------------------------------------------


def test_local_correlation_ignores_brightness_and_finds_no_structure_in_a_constant():
    image = torch.rand((1, 1, 2, 20, 20), generator=torch.Generator().manual_seed(0))
    assert local_correlation(image, 0.3 - 0.2 * image, 5).min() > 0.99
    assert local_correlation(image, torch.full_like(image, 0.4), 5).max() < 1e-3
    other = torch.rand((1, 1, 2, 20, 20), generator=torch.Generator().manual_seed(1))
    assert local_correlation(image, other, 9).mean() < 0.1


def squares(first):
    """ED with a square of the LV in columns `first` to `first` + 3, beside one of ES in columns 4 to 7."""
    labels = torch.zeros(1, 2, 1, 8, 12, dtype=torch.uint8)
    labels[0, 0, 0, 2:6, first : first + 4] = LV
    labels[0, 1, 0, 2:6, 4:8] = LV
    return labels


def test_the_loss_of_masks_is_one_minus_their_dice():
    slices, still = torch.ones(1, 1, 1, 1, 1), torch.zeros(1, 3, 1, 8, 12)
    loss = float(warped_mask_loss(squares(4), still, slices))
    assert loss == pytest.approx(0, abs=1e-6)
    # Half of 16 voxels overlap; of the two structures that are not there nothing is missed.
    assert float(warped_mask_loss(squares(6), still, slices)) == pytest.approx((1 - 17 / 33) / 3)
    read_two_on = still.clone()
    read_two_on[:, 2] = 2
    assert float(warped_mask_loss(squares(6), read_two_on, slices)) == pytest.approx(0, abs=1e-6)
    unlabelled = squares(6)
    unlabelled[:, 1] = UNLABELLED
    assert float(warped_mask_loss(unlabelled, still, slices)) == 0


def test_labels_move_whole():
    labels = torch.zeros(1, 2, 6, 6, dtype=torch.uint8)
    labels[:, :, 1:3, 1:3], labels[:, :, 3:5, 1:3] = LV, MYO
    displacement = torch.zeros(1, 3, 2, 6, 6)
    displacement[:, 2] = -1.4  # nearer to one voxel than to two
    moved = warp_labels(labels, displacement, torch.ones(1, 1, 2, 1, 1))
    assert moved.dtype == torch.uint8 and torch.equal(moved[..., 2:4], labels[..., 1:3])


# --- the network --------------------------------------------------------------------------------


@torch.no_grad()
def test_the_code_of_nothing_moves_nothing(network, store):
    _, anatomy, _, slices = pair_of(network, store, [0, 1])
    codes = torch.stack([torch.zeros(2, *network.code_shape), torch.ones(2, *network.code_shape)], dim=1)
    fields = network.displacements(codes, anatomy, slices)
    assert fields.shape == (2, 2, 3, SLICES, MATRIX, MATRIX)
    assert fields[:, 0].abs().max() < 1e-5 and fields[:, 1].abs().max() > 1e-3
    assert not fields[1, :, :, slices[1, 0, :, 0, 0] == 0].any()


@torch.no_grad()
def test_training_learns_to_move_ed_to_es(network, models, store):
    _, anatomy, latents, slices = pair_of(network, store, [0, 1, 2])
    field = network.displacements(network.encode(anatomy, latents, slices)[:, None], anatomy, slices)[:, 0]
    labels = torch.from_numpy(store.labels[:3][:, [0, FRAMES // 2]])
    lv = (labels == LV) & (slices > 0)
    moved = (warp_labels(labels[:, 0], field, slices) == LV).sum()
    assert moved < 0.9 * lv[:, 0].sum()  # at ES the cavity has 0.43 of its voxels at ED
    figures = json.loads((models["deformation_network"].parent / "training.json").read_text())["figures"]
    assert figures["unexplained_motion"] < 1 and figures["folded"] < 0.01
    before = dice(lv[:, 0].numpy(), lv[:, 1].numpy())
    assert figures["dice_LV"] > before + 0.03 and "dice_MYO" in figures


@torch.no_grad()
def test_a_field_within_the_plane_leaves_slices_where_they_are(models, store):
    settings = settings_of(
        {
            "kind": "deformation_network",
            "channels": [8],
            "field_channels": 4,
            "through_plane": False,
            "needs": {"autoencoder": "autoencoder"},
        }
    )
    coder = load_model(models["autoencoder"])
    model = DeformationNetwork(settings, Grid.of(store), {"autoencoder": coder})
    model.standard_deviation.fill_(1)
    _, anatomy, _, slices = pair_of(model, store, [0])
    field = model.displacements(torch.randn(1, 1, *model.code_shape), anatomy, slices)
    assert not field[:, :, 0].any() and field[:, :, 1:].any(dim=(0, 1, 3, 4, 5)).all()


def test_only_frames_can_be_deformed(network, store):
    settings = settings_of({"kind": "deformation_network"})
    with pytest.raises(SynthaugError, match="deformation_network: reads the latents of single frames"):
        DeformationNetwork(settings, Grid.of(store), {"autoencoder": network})  # no Autoencoder
    with pytest.raises(ValueError, match="window 8 has no middle voxel; give an odd number"):
        settings_of({"kind": "deformation_network", "window": 8})
    with pytest.raises(ValueError, match="exactly the roles 'autoencoder' and 'deformation_network'"):
        settings_of({"kind": "deformation_diffusion", "needs": {"autoencoder": "autoencoder"}})


# --- the diffusion of codes ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def diffusion(models, network, store) -> DeformationDiffusion:
    still = GeometrySettings(shift_voxels=0, rotation_degrees=0, scale=0)
    settings = settings_of(
        {
            "kind": "deformation_diffusion",
            "channels": [8, 8],
            "copies": 2,
            "augmentation": still.model_dump(),
        }
    )
    needs = {"autoencoder": network.autoencoder, "deformation_network": network}
    model = DeformationDiffusion(settings, Grid.of(store), needs, DeformationDiffusion.facts(settings, store))
    model.prepare(store)
    return model


@torch.no_grad()
def test_codes_are_those_of_the_two_frames_and_keep_their_zero(diffusion, network, store):
    _, anatomy, latents, slices = pair_of(network, store, [0, 1, 2, 3])
    codes = network.encode(anatomy, latents, slices)
    torch.testing.assert_close(diffusion.codes[0].float(), codes, atol=1e-3, rtol=1e-2)
    torch.testing.assert_close(diffusion.codes[1], diffusion.codes[0])  # a copy that is not moved
    there = (codes[:, 0][slices.expand(-1, -1, -1, *codes.shape[-2:])[:, 0] > 0]).square().mean().sqrt()
    torch.testing.assert_close(diffusion.code_size[0].flatten()[0], there, atol=1e-3, rtol=1e-2)
    batch = diffusion.batch([0, 1], torch.Generator().manual_seed(0))
    assert batch["codes"].shape == (2, *network.code_shape) and batch["latents"].shape == anatomy[:2].shape


@torch.no_grad()
def test_a_sample_is_of_its_row_alone_and_frames_follow_the_phase(diffusion):
    values = diffusion.conditioner.read(requests(2))
    anatomy = torch.randn(
        (2, *diffusion.autoencoder.latent_shape), generator=torch.Generator().manual_seed(0)
    )
    slices = torch.ones(2, 1, SLICES, 1, 1)
    slices[1, :, -1] = 0
    # Its last layer starts at 0: without this no code would be drawn.
    torch.nn.init.normal_(
        diffusion.network.output.weight, std=0.1, generator=torch.Generator().manual_seed(0)
    )
    sampler = SamplerSettings(steps=2, guidance=2.0)
    together = diffusion.sample(anatomy, values, slices, Noise([5, 6]), sampler)
    alone = diffusion.sample(
        anatomy[1:], {name: value[1:] for name, value in values.items()}, slices[1:], Noise([6]), sampler
    )
    torch.testing.assert_close(alone, together[1:])
    assert together.std() > 0 and not together[1, :, -1].any()
    fields = diffusion.displacements(anatomy, together, torch.tensor([[0.0, 0.25, 0.5, 0.75]] * 2), slices)
    assert fields[:, 0].abs().max() < 1e-5
    torch.testing.assert_close(fields[:, 1], fields[:, 3])
    assert fields[:, 2].abs().mean() > fields[:, 1].abs().mean() > 0
