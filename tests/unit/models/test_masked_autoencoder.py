"""The study's own extractor network: what it sees, what it learns, and that it trains in the loop."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from synthaug.config.features import MaskedAutoencoderSettings
from synthaug.config.training import TrainingSettings
from synthaug.data.cohort import Cohort, write_cohort, write_subject
from synthaug.data.store import TensorStore, pack
from synthaug.features.study import StudyExtractor
from synthaug.models.base import Grid
from synthaug.models.masked_autoencoder import MaskedAutoencoder, order_loss
from synthaug.networks.masked_autoencoder import MaskedAutoencoderNetwork
from synthaug.training import train_model

SETTINGS = MaskedAutoencoderSettings(
    kind="masked_autoencoder",
    patch=(2, 4, 4),
    width=24,
    depth=2,
    heads=2,
    decoder_width=12,
    decoder_depth=1,
    training=TrainingSettings(iterations=60, batch_size=4, learning_rate=3e-3, warmup_iterations=5),
)


def network() -> MaskedAutoencoderNetwork:
    torch.manual_seed(0)
    return MaskedAutoencoderNetwork((2, 4, 4), 24, 2, 2, 12, 1)


def beating(n: int, slices: list[int]) -> TensorStore:
    """Discs that shrink and grow, one phase and place a subject, in stacks of the given heights."""
    y, x = np.indices((16, 16))
    images = np.zeros((n, 6, 6, 16, 16), np.float16)
    mask = np.zeros((n, 6), bool)
    for i in range(n):
        mask[i, 1 : 1 + slices[i]] = True
        for t in range(6):
            radius = 4 + 2 * np.cos(2 * np.pi * t / 6)
            images[i, t, 1 : 1 + slices[i]] = (y - 6 - i % 4) ** 2 + (x - 8) ** 2 < radius**2
    table = pd.DataFrame({"subject": [f"s{i}" for i in range(n)]})
    return TensorStore(images, np.zeros(images.shape, np.uint8), mask, table, (10.0, 2.0, 2.0))


def model(store: TensorStore) -> MaskedAutoencoder:
    torch.manual_seed(0)
    made = MaskedAutoencoder(SETTINGS, Grid.of(store), {})
    made.prepare(store)
    return made


def test_patches_and_places_agree() -> None:
    clips = torch.arange(4 * 8 * 8.0).reshape(1, 4, 8, 8)
    patches, places = network().patches(clips), network().places((4, 8, 8))
    assert patches.shape == (1, 8, 32) and places.shape == (8, 3)
    torch.testing.assert_close(patches[0, 3, :4], clips[0, 0, 4, 4:8])  # second row, second column
    assert places[3, 1:].tolist() == [1.5, 1.5]
    assert network().patches(torch.zeros(1, 5, 9, 8)).shape == (1, 3 * 3 * 2, 32)  # edges are repeated


def test_stacks_of_any_height_span_the_same_places() -> None:
    centres = [network().places((s, 8, 8))[:, 0].mean().item() for s in (4, 8, 12)]
    assert centres == pytest.approx([centres[0]] * 3)


def test_the_encoder_never_sees_hidden_patches() -> None:
    net, clips = network(), torch.rand(1, 4, 8, 8)
    visible, axis = torch.tensor([[0, 5]]), torch.tensor([0])
    other = clips.clone()
    other[0, :2, 4:, 4:] = 0.123  # patch 3
    assert torch.equal(net.encode(clips, axis, visible), net.encode(other, axis, visible))
    seen = clips.clone()
    seen[0, :2, :4, :4] = 0.123  # patch 0
    assert not torch.allclose(net.encode(clips, axis, visible), net.encode(seen, axis, visible))


def test_batches_hold_only_slices_that_exist() -> None:
    store = beating(4, [3, 4, 5, 4])
    made = model(store)
    shapes = set()
    for seed in range(30):
        batch = made.batch([0, 1, 2, 3], torch.Generator().manual_seed(seed))
        ((axis, clips),) = batch.items()
        shapes.add((axis, *clips.shape))
        assert (clips.amax(dim=(2, 3)) == 1).all()  # every image shows a disc: none is padding
    assert shapes == {("temporal", 4, 6, 16, 16), ("spatial", 4, 3, 16, 16), ("image", 4, 1, 16, 16)}


def test_batches_and_losses_follow_from_the_generator_alone() -> None:
    made = model(beating(4, [3, 4, 5, 4]))

    def loss(seed: int) -> float:
        generator = torch.Generator().manual_seed(seed)
        return made.loss(made.batch([0, 1, 2, 3], generator), generator, 0)[0].item()

    assert loss(1) == loss(1) != loss(2)


@pytest.mark.parametrize("mask_fraction", [1e-6, 1 - 1e-6])
def test_a_patch_is_hidden_and_one_is_seen_at_any_fraction(mask_fraction: float) -> None:
    store = beating(4, [3, 4, 5, 4])
    made = MaskedAutoencoder(SETTINGS.model_copy(update={"mask_fraction": mask_fraction}), Grid.of(store), {})
    made.prepare(store)
    generator = torch.Generator().manual_seed(0)
    total, _ = made.loss(made.batch([0, 1, 2, 3], generator), generator, 0)
    assert 0 < total.item() < math.inf


def test_the_order_of_frames_is_asked_for_with_its_weight():
    """Of clips along time only: slices out of order are noticed without being asked for."""
    made, seen = model(beating(4, [3, 4, 5, 4])), {}
    for seed in range(30):
        generator = torch.Generator().manual_seed(seed)
        total, parts = made.loss(made.batch([0, 1, 2, 3], generator), generator, 0)
        seen[frozenset(parts)] = parts, total.item()
    assert set(seen) == {frozenset({"image"}), frozenset({"spatial"}), frozenset({"temporal", "order"})}
    parts, total = seen[frozenset({"temporal", "order"})]
    assert total == pytest.approx((parts["temporal"] + 0.3 * parts["order"]).item())


def test_logits_of_zero_have_the_cross_entropy_of_a_coin_toss():
    net = network()
    torch.nn.init.zeros_(net.in_order.weight)
    torch.nn.init.zeros_(net.in_order.bias)
    loss = order_loss(*(net.order_logits(torch.rand(3, 5, 24)) for _ in range(2)))
    assert loss.item() == pytest.approx(math.log(2))


def test_training_learns_and_the_extractor_loads_it(tmp_path: Path) -> None:
    store = beating(8, [4] * 8)
    rows = []
    for i in range(8):
        cine = np.asarray(store.images[i, :, 1:5], np.float32)
        write_subject(tmp_path / f"cohort/sub-s{i}", cine, {}, (10, 2, 2))
        rows.append({"subject": f"s{i}", "n_frames": 6, "n_slices": 4})
    write_cohort(tmp_path / "cohort", "made", "real", rows, (10, 2, 2))
    cohort = Cohort.open(tmp_path / "cohort")
    pack(cohort, tmp_path / "store", 6)
    weights = tmp_path / "model.safetensors"
    train_model(SETTINGS, tmp_path / "store", {}, weights, tmp_path / "training.json", tmp_path / "history.csv",
                tmp_path / "checkpoints", seed=0, threads=1)  # fmt: skip
    losses = pd.read_csv(tmp_path / "history.csv")["loss"]
    assert losses.tail(5).mean() < 0.75 * losses.head(5).mean()
    features = StudyExtractor(weights).extract(cohort.cine("s0"))
    assert {kind: rows.shape for kind, rows in features.items()} == {
        "frames": (24, 24),
        "temporal": (4, 24),
        "spatial": (6, 24),
    }
    # Slices of this phantom are alike, so are their features; frames differ as the disc beats.
    assert np.ptp(features["temporal"], axis=0).max() < 1e-4 < np.ptp(features["spatial"], axis=0).max()
