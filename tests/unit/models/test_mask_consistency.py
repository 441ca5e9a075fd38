"""Masks of frames without labels: what is taken as truth, where it goes to, and when it counts."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_models import SMALL, settings_of, write_store

from synthaug.config.autoencoders import AutoencoderSettings
from synthaug.config.geometry import ConsistencySettings, GeometrySettings
from synthaug.data.store import TensorStore
from synthaug.labels import STRUCTURES, UNLABELLED
from synthaug.models.autoencoder import Autoencoder
from synthaug.models.base import Grid
from synthaug.models.geometry import Geometry
from synthaug.models.mask_consistency import changed, draw_changes, pseudo_labels

LV = STRUCTURES["LV"]
SIZE = 16
EVERYWHERE = torch.ones(1, 1, 2, 1, 1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scores(labels: torch.Tensor, probability: float) -> torch.Tensor:
    """Logits (1, 4, z, y, x) of these labels (z, y, x), each with this probability, the others alike."""
    certain = torch.full((4, *labels.shape), (1 - probability) / 3)
    certain.scatter_(0, labels[None].long(), probability)
    return certain.log()[None]


def square() -> torch.Tensor:
    """Two slices with a square of LV off the centre."""
    labels = torch.zeros(2, SIZE, SIZE, dtype=torch.long)
    labels[:, 3:7, 4:10] = LV
    return labels


def truth(
    geometry: Geometry,
    probability: float = 0.95,
    known: torch.Tensor | None = None,
    slices: torch.Tensor = EVERYWHERE,
) -> torch.Tensor:
    labels = torch.full((1, 2, SIZE, SIZE), UNLABELLED, dtype=torch.uint8) if known is None else known
    matrices = geometry.matrix(SIZE, SIZE)[None]
    return pseudo_labels(scores(square(), probability), labels, slices, matrices, 0.9)[0]


def test_a_confident_prediction_is_the_truth_of_the_unchanged_frame() -> None:
    assert torch.equal(truth(Geometry()).long(), square())


def test_an_unsure_prediction_is_none() -> None:
    assert (truth(Geometry(), probability=0.85) == UNLABELLED).all()


def test_the_truth_moves_with_the_frame() -> None:
    turned = truth(Geometry(rotation=math.pi / 2)).long()
    frame = Geometry(rotation=math.pi / 2).apply(square().float()).round().long()
    assert torch.equal(turned, frame) and not torch.equal(turned, square())
    shifted = truth(Geometry(shift=(3, -2)))
    inside = torch.zeros_like(shifted, dtype=torch.bool)
    inside[:, 6:10, 2:8] = True
    # Nothing comes from beyond the border, where the frame is mirrored: the square is far from it.
    assert torch.equal(shifted == LV, inside)


def test_between_two_labels_nothing_is_known_once_they_are_mixed() -> None:
    half = truth(Geometry(shift=(0.5, 0)))
    assert (half[:, 3, 4:10] == UNLABELLED).all() and (half[:, 4:7, 4:10] == LV).all()


def test_what_is_labelled_or_does_not_exist_is_left_out() -> None:
    known = torch.full((1, 2, SIZE, SIZE), UNLABELLED, dtype=torch.uint8)
    known[0, 0] = 0
    answer = truth(Geometry(), known=known)
    assert (answer[0] == UNLABELLED).all() and torch.equal(answer[1].long(), square()[1])
    slices = EVERYWHERE.clone()
    slices[0, 0, 1] = 0
    answer = truth(Geometry(), slices=slices)
    assert (answer[1] == UNLABELLED).all() and torch.equal(answer[0].long(), square()[0])


def test_contrast_is_an_exponent_of_intensities() -> None:
    frames = torch.full((1, 1, 2, SIZE, SIZE), 0.25)
    unmoved = Geometry().matrix(SIZE, SIZE)[None]
    for exponent, value in ((0.5, 0.5), (1.0, 0.25), (2.0, 0.0625)):
        found = changed(frames, unmoved, torch.tensor([exponent]))
        torch.testing.assert_close(found, torch.full_like(found, value))


def test_changes_stay_within_their_limits() -> None:
    settings = ConsistencySettings(contrast=2.0, geometry=GeometrySettings(shift_voxels=0, scale=0))
    drawn = draw_changes(settings, 400, (SIZE, SIZE), generator())
    exponents = drawn["exponents"]
    assert 0.5 <= float(exponents.min()) < 0.55 and 1.9 < float(exponents.max()) <= 2
    assert float(exponents.log().mean()) == pytest.approx(0, abs=0.06)
    angles = torch.atan2(drawn["matrices"][:, 1, 0], drawn["matrices"][:, 0, 0])
    assert float(angles.abs().max()) <= math.radians(10) + 1e-6
    assert torch.equal(drawn["matrices"], draw_changes(settings, 400, (SIZE, SIZE), generator())["matrices"])


def test_it_counts_late_and_of_frames_without_labels_only(tmp_path) -> None:
    store = TensorStore.open(write_store(tmp_path / "train"))
    settings = settings_of(
        {
            "kind": "autoencoder",
            **SMALL["autoencoder"],
            "consistency": {"confidence": 0.0, "late_from": 0.5},
        }
    )
    model = Autoencoder(settings, Grid.of(store), {})
    model.prepare(store)
    batch = model.batch([0, 1], generator())
    batch["labels"] = torch.full_like(batch["labels"], UNLABELLED)
    steps = settings.training.iterations

    def term(iteration: int, batch: dict[str, torch.Tensor]) -> tuple[float, float]:
        loss, terms = model.loss(batch, generator(), iteration)
        return float(loss.detach()), float(terms["consistency"])

    early, late = term(0, batch), term(steps, batch)
    assert early[1] == 0 and late[1] > 0
    weight = settings.mask_weight * settings.consistency.weight
    assert late[0] - early[0] == pytest.approx(weight * late[1], rel=1e-4)
    labelled = {**batch, "labels": torch.zeros_like(batch["labels"])}
    assert term(steps, labelled)[1] == 0


def test_predictions_of_the_frame_itself_have_no_gradient() -> None:
    logits = scores(square(), 0.95).requires_grad_()
    labels = torch.full((1, 2, SIZE, SIZE), UNLABELLED, dtype=torch.uint8)
    made = pseudo_labels(logits, labels, EVERYWHERE, Geometry().matrix(SIZE, SIZE)[None], 0.9)
    assert not made.requires_grad


def test_it_is_refused_without_masks() -> None:
    with pytest.raises(ValueError, match="there are no masks with masks: false"):
        AutoencoderSettings(kind="autoencoder", masks=False, consistency=ConsistencySettings())
