"""Consistency of masks of frames without labels, under changes of geometry and contrast."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from einops import rearrange
from torch import Tensor

from synthaug.config.geometry import ConsistencySettings
from synthaug.labels import UNLABELLED
from synthaug.models.geometry import Geometry, move


def draw_changes(
    settings: ConsistencySettings, count: int, plane: tuple[int, int], generator: torch.Generator
) -> dict[str, Tensor]:
    """Random changes of so many frames on a plane (y, x): `matrices` (b, 2, 3) and `exponents` (b,)."""
    geometries = [Geometry.draw(settings.geometry, generator) for _ in range(count)]
    places = 2 * torch.rand(count, generator=generator) - 1
    return {
        "matrices": torch.stack([geometry.matrix(*plane) for geometry in geometries]),
        "exponents": (places * math.log(settings.contrast)).exp(),
    }


def changed(frames: Tensor, matrices: Tensor, exponents: Tensor) -> Tensor:
    """Frames (b, 1, z, y, x) in [0, 1] in their other geometry and contrast."""
    moved = _moved(frames, matrices)
    # Away from 0, where a power below 1 has no finite slope.
    return moved.clamp(1e-3, 1) ** exponents.view(-1, 1, 1, 1, 1)


def pseudo_labels(
    logits: Tensor, labels: Tensor, slices: Tensor, matrices: Tensor, confidence: float
) -> Tensor:
    """Truth of the changed frames: what is predicted of the frames with confidence, where nobody has labelled them.

    Parameters
    ----------
    logits : Tensor, shape (b, classes, z, y, x)
        Of the frames themselves; no gradient reaches them.
    labels : Tensor, shape (b, z, y, x)
        Of the frames themselves. What is labelled is learned from its labels, and is left out here.
    slices : Tensor, shape (b, 1, z, 1, 1)
        1 where a slice exists.
    matrices : Tensor, shape (b, 2, 3)
        From `draw_changes`.
    confidence : float
        Least probability of a label.

    Returns
    -------
    Tensor of uint8, shape (b, z, y, x)
        `UNLABELLED` where the prediction is not confident, a label exists, or a slice does not.

    References
    ----------
    Sohn et al., FixMatch, NeurIPS 2020 (confident predictions of the less changed image); equivariance to geometry as in
    Bortsova et al., MICCAI 2019.
    """
    open_voxels = ((labels == UNLABELLED)[:, None] & (slices > 0)).float()
    certain, guess = _moved(logits.detach().float().softmax(dim=1), matrices).max(dim=1)
    known = (certain >= confidence) & (_moved(open_voxels, matrices)[:, 0] > 0.999)
    return torch.where(known, guess, UNLABELLED).to(torch.uint8)


def consistency_loss(
    predict: Callable[[Tensor], Tensor],
    loss: Callable[[Tensor, Tensor], Tensor],
    batch: dict[str, Tensor],
    logits: Tensor,
    confidence: float,
) -> Tensor:
    """Loss of the masks of changed frames against `pseudo_labels`.

    Parameters
    ----------
    predict : callable
        Gives logits (b, classes, z, y, x) of frames (b, 1, z, y, x).
    loss : callable
        Of logits and labels.
    batch : dict of str to Tensor
        `frames`, `labels`, `slices`, and what `draw_changes` gives.
    logits : Tensor, shape (b, classes, z, y, x)
        Of the frames themselves.
    confidence : float
        As of `pseudo_labels`.
    """
    truth = pseudo_labels(logits, batch["labels"], batch["slices"], batch["matrices"], confidence)
    answer = predict(changed(batch["frames"], batch["matrices"], batch["exponents"]))
    return loss(answer.float(), truth)


def _moved(volumes: Tensor, matrices: Tensor) -> Tensor:
    """Volumes (b, c, z, y, x) moved in plane."""
    z = volumes.shape[2]
    planes = move(rearrange(volumes, "b c z y x -> b (c z) y x"), matrices)
    return rearrange(planes, "b (c z) y x -> b c z y x", z=z)
