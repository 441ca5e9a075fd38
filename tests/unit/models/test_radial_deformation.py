"""Radial deformation of labelled hearts: areas of a disc by hand, and what stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_models import settings_of, write_store

from synthaug.config.geometry import RadialDeformationSettings
from synthaug.data.store import TensorStore
from synthaug.labels import STRUCTURES, UNLABELLED
from synthaug.models.autoencoder import Autoencoder
from synthaug.models.base import Grid
from synthaug.models.radial_deformation import RadialDeformation

LV, MYO = STRUCTURES["LV"], STRUCTURES["MYO"]
CAVITY, OUTLINE, SIZE = 12.0, 20.0, 96


def ring() -> tuple[torch.Tensor, torch.Tensor]:
    """Two slices: a disc of 12 pixels in a wall up to 20, and nothing. The image is 1 in the cavity, else falls outwards."""
    rows, columns = np.indices((SIZE, SIZE))
    radius = np.hypot(rows - 50, columns - 45)
    labels = np.zeros((2, SIZE, SIZE), np.uint8)
    labels[0][radius < OUTLINE] = MYO
    labels[0][radius < CAVITY] = LV
    image = np.stack([np.where(radius < CAVITY, 1, 0.5 / (1 + radius)), radius / 100]).astype(np.float32)
    return torch.from_numpy(image), torch.from_numpy(labels)


def areas(labels: torch.Tensor) -> tuple[int, int]:
    return int((labels == LV).sum()), int((labels == LV).sum() + (labels == MYO).sum())


@pytest.mark.parametrize(("cavity", "outline"), [(0.5, 1.0), (1.0, 0.8), (0.6, 1.15), (1.15, 1.15)])
def test_areas_change_with_the_square_of_the_radii(cavity: float, outline: float) -> None:
    image, labels = ring()
    moved, moved_labels = RadialDeformation(cavity, outline).apply(image, labels)
    inner, outer = areas(labels)
    found = areas(moved_labels[0])
    assert found[0] == pytest.approx(cavity**2 * inner, rel=0.08)
    assert found[1] == pytest.approx(outline**2 * outer, rel=0.05)
    # Image and labels move alike: the cavity is where the image is bright.
    bright = moved[0] > 0.6
    assert (bright == (moved_labels[0] == LV)).float().mean() > 0.99


def test_a_wall_is_left_and_the_rest_stays_as_it_is() -> None:
    image, labels = ring()
    moved, moved_labels = RadialDeformation(1.15, 0.6).apply(image, labels)
    inner, outer = areas(moved_labels[0])
    assert inner < 0.85**2 * 1.05 * outer
    assert torch.allclose(moved[1], image[1], atol=1e-5) and torch.equal(moved_labels[1], labels[1])
    rows, columns = np.indices((SIZE, SIZE))
    far = torch.from_numpy(np.hypot(rows - 50, columns - 45) > 2 * OUTLINE)
    assert torch.allclose(moved[0][far], image[0][far], atol=1e-4)


def test_draws_are_within_the_limits_and_as_often_as_asked() -> None:
    settings = RadialDeformationSettings(probability=0.5, cavity=(0.4, 0.9), outline=(1.0, 1.0))
    generator = torch.Generator().manual_seed(0)
    drawn = [RadialDeformation.draw(settings, generator) for _ in range(400)]
    made = [each for each in drawn if each is not None]
    assert 150 < len(made) < 250
    assert all(0.4 <= each.cavity <= 0.9 and each.outline == 1.0 for each in made)
    with pytest.raises(ValueError, match="smaller first"):
        RadialDeformationSettings(cavity=(1.0, 0.5))


@pytest.mark.parametrize("oversample", [False, True])
def test_few_labelled_subjects_are_drawn_as_often_as_asked(tmp_path, oversample: bool) -> None:
    """The turn of the subject without labels, the last of four: half of its items are labelled frames of others."""
    store = TensorStore.open(write_store(tmp_path / "train"))
    content = {
        "kind": "autoencoder",
        "channels": [4, 8],
        "latent_channels": 2,
        "oversample_labelled": oversample,
        "deformation": {"probability": 1.0},
    }
    model = Autoencoder(settings_of(content), Grid.of(store), {})
    model.prepare(store)
    batch = model.batch([3] * 200, torch.Generator().manual_seed(0))
    labelled = (batch["labels"] != UNLABELLED).flatten(1).any(dim=1)
    assert 70 < int(labelled.sum()) < 130 if oversample else not labelled.any()
    cavity = (batch["labels"][labelled] == LV).flatten(1).sum(dim=1).float()
    assert not oversample or cavity.max() > 3 * cavity.clamp(min=1).min()  # deformed
