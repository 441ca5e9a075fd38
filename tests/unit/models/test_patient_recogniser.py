"""The patient recogniser: its loss by hand, its views, and that it recognises patients it never saw."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from final_weights import features_after_finish
from tiny_models import settings_of, write_store

from synthaug.config.patient_recogniser import PatientRecogniserSettings
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid
from synthaug.models.patient_recogniser import PatientRecogniser, contrastive_loss


def test_loss_by_hand() -> None:
    # Two patients, views alike within and at right angles between: each view has its partner at cosine 1 and two at 0.
    views = torch.eye(2)
    loss = contrastive_loss(views, views, torch.tensor([0, 1]), temperature=1.0)
    assert float(loss) == pytest.approx(math.log(math.e + 2) - 1)


def test_rows_of_one_patient_are_not_told_apart() -> None:
    views = torch.eye(2)
    # The same patient twice: nothing but the partner is left to choose from.
    assert float(contrastive_loss(views, views, torch.tensor([3, 3]), temperature=0.1)) == pytest.approx(0)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> TensorStore:
    return TensorStore.open(write_store(tmp_path_factory.mktemp("data") / "train", subjects=6))


def made(store: TensorStore, **changes: object) -> PatientRecogniser:
    settings = settings_of({"kind": "patient_recogniser", "channels": [8, 16], "width": 16, **changes})
    assert isinstance(settings, PatientRecogniserSettings)
    torch.manual_seed(0)
    model = PatientRecogniser(settings, Grid.of(store), {})
    model.prepare(store)
    return model


def test_a_batch_has_two_views_of_the_shortest_stack(store) -> None:
    model = made(store)
    batch = model.batch([0, 1, 2], torch.Generator().manual_seed(1))
    shortest = int(store.slice_mask[[0, 1, 2]].sum(axis=1).min())
    assert batch["first"].shape == batch["second"].shape == (3, shortest, 64, 64)
    assert batch["patient"].tolist() == [0, 1, 2] and not torch.equal(batch["first"], batch["second"])


def test_visits_of_a_patient_are_one_patient(store) -> None:
    visits = store.table.assign(patient=["p", "p", None, None, "q", "q"])
    model = made(store)
    model.prepare(TensorStore(store.images, store.labels, store.slice_mask, visits, store.spacing_mm))
    codes = model.patients.tolist()
    assert codes[0] == codes[1] and codes[4] == codes[5] and len(set(codes)) == 4


def test_another_visit_of_the_patient_is_the_patient(store) -> None:
    """Two visits with one cine: the nearest stack is that of the first visit for both, and so their patient's."""
    twice = np.stack([store.images[0]] * 2)
    visits = store.table.iloc[:2].assign(patient="p")
    mask = store.slice_mask[[0, 0]]
    model = made(store).eval()
    assert (
        model.assess(TensorStore(twice, store.labels[:2], mask, visits, store.spacing_mm))["recognised"] == 1
    )
    apart = visits.assign(patient=["p", "q"])
    assert (
        model.assess(TensorStore(twice, store.labels[:2], mask, apart, store.spacing_mm))["recognised"] == 0.5
    )


def test_vectors_have_unit_length_and_do_not_depend_on_the_other_stacks(store) -> None:
    model = made(store).eval()
    stacks = torch.rand(3, 5, 64, 64)
    together = model.describe(stacks)
    assert together.norm(dim=1).numpy() == pytest.approx(np.ones(3), abs=1e-5)
    assert model.describe(stacks[1:2]).numpy() == pytest.approx(together[1:2].numpy(), abs=1e-5)


def test_training_recognises_patients(store) -> None:
    still = {"shift_voxels": 0, "rotation_degrees": 0, "scale": 0}
    model = made(store, channels=[8, 16, 32, 32], width=32, augmentation=still)
    # Patients differ by a coarse pattern that stays over the cycle.
    pattern = np.random.default_rng(0).random((len(store), 1, 1, 8, 8)).repeat(8, axis=3).repeat(8, axis=4)
    images = 0.5 * store.images + 0.5 * pattern
    images = (images * store.slice_mask[:, None, :, None, None]).clip(0, 1).astype(np.float16)
    textured = TensorStore(images, store.labels, store.slice_mask, store.table, store.spacing_mm)
    model.prepare(textured)
    optimiser, generator = torch.optim.AdamW(model.parameters(), lr=3e-3), torch.Generator().manual_seed(0)
    losses = []
    for iteration in range(60):
        loss, _ = model.loss(model.batch(list(range(6)), generator), generator, iteration)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-20:]) < 0.5 * losses[0]
    assert model.assess(textured)["recognised"] == 1


def test_features_are_standardised_with_the_final_weights(store) -> None:
    model = made(store, training={"batch_size": 4})
    standardise = model.network.head[0]
    seen = features_after_finish(model, model.network.slices, standardise, store)
    assert torch.allclose(standardise.running_mean, seen.mean(dim=0), atol=1e-5)
    assert not standardise.training and standardise.momentum == 0.1
    # Of all subjects as often as one another: 32 batches of two views each.
    assert len(seen) == 32 * 2 * 4
