"""The two parts of a training as models of the training loop: pre-training, and fine-tuning with a head."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from synthaug.config.features import MaskedAutoencoderSettings
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.masked_autoencoder import MaskedAutoencoder
from synthaug.networks.masked_autoencoder import MaskedAutoencoderNetwork
from synthaug.networks.subject_encoder import SubjectEncoder
from synthaug.tasks.image_level.targets import Targets

#: Ranges of the augmentation in fine-tuning. Sizes stay as they are, since phenotypes depend on them.
ROTATION_DEGREES = 15.0
TRANSLATION_FRACTION = 0.05  # of the matrix
GAMMA = (0.7, 1.5)
BRIGHTNESS = (0.8, 1.2)


class Pretraining(MaskedAutoencoder):
    """Masked autoencoder of single slices along time, of all training cines of an arm.

    Data, prediction and loss are those of `MaskedAutoencoder`, with clips along time alone.

    Parameters
    ----------
    settings : MaskedAutoencoderSettings
        Sizes of the network.
    grid : Grid
        Grid of the clips.
    images : ndarray, shape (n_images, slices, frames, y, x)
        Clips.
    rows : ndarray, shape (n,)
        Image of each training subject.

    References
    ----------
    Seed CPGG, section 3.1: MAE pre-training with the frames of a cine as channels. He et al., CVPR 2022.
    """

    def __init__(
        self, settings: MaskedAutoencoderSettings, grid: Grid, images: np.ndarray, rows: np.ndarray
    ) -> None:
        super().__init__(settings, grid, {})
        self._clips, self._rows = images, rows

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """One random slice of each subject along time: (b, t, y, x)."""
        slices = torch.randint(self._clips.shape[1], (len(indices),), generator=generator).tolist()
        pairs = zip(self._rows[indices], slices, strict=True)
        clips = [torch.from_numpy(self._clips[image, z].copy()) for image, z in pairs]
        return {"temporal": torch.stack(clips).float()}


class FineTuning(TrainableModel):
    """Encoder and linear head on the labelled subjects of an arm.

    Data        x: clips of a subject's slices, (b, z, t, y, x) in [0, 1]; y: its class, or standardised phenotypes
    Prediction  h(v), v the mean over slices and patches of the encoder's tokens, and the same times the stack's height,
                standardised by the vectors of training subjects before the first step
    Loss        cross-entropy of h and y, or |h - y|^2, mean over known phenotypes

    Parameters
    ----------
    settings : MaskedAutoencoderSettings
        Sizes of the network.
    grid : Grid
        Grid of the clips.
    encoder : MaskedAutoencoderNetwork
        Pre-trained, or at its initial weights.
    targets : Targets
        What is predicted.
    images : ndarray, shape (n_images, slices, frames, y, x)
        Clips.
    rows : ndarray, shape (n,)
        Image of each labelled subject.
    heights : ndarray, shape (n,)
        Relative height of each stack.
    values : ndarray, shape (n, k)
        Target of each subject.
    augmentation : bool
        Whether cines are augmented.
    """

    def __init__(
        self,
        settings: MaskedAutoencoderSettings,
        grid: Grid,
        encoder: MaskedAutoencoderNetwork,
        targets: Targets,
        images: np.ndarray,
        rows: np.ndarray,
        heights: np.ndarray,
        values: np.ndarray,
        augmentation: bool,
    ) -> None:
        super().__init__(settings, grid, {})
        self.network = SubjectEncoder(encoder, targets.outputs)
        self.targets, self.augmentation = targets, augmentation
        self._clips, self._rows, self._heights, self._values = images, rows, heights, values

    def prepare(self, store: Any) -> None:
        """Nothing: the data are those it was made with."""

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Clips, heights and targets of these subjects."""
        clips = [torch.from_numpy(self._clips[image].copy()) for image in self._rows[indices]]
        return {
            "clips": torch.stack(clips).float(),
            "heights": torch.from_numpy(self._heights[indices]).float(),
            "values": torch.from_numpy(self._values[indices]).float(),
        }

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of the targets on augmented clips."""
        clips = augment_clips(batch["clips"], generator) if self.augmentation else batch["clips"]
        loss = self.targets.loss(self.network(clips, batch["heights"]).float(), batch["values"])
        return loss, {}


def augment_clips(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Rotate and translate cines in plane, and change gamma and brightness, alike in all slices and frames.

    Parameters
    ----------
    clips : Tensor, shape (b, z, t, y, x)
        Intensities in [0, 1].
    generator : torch.Generator
        On the CPU; the only source of randomness.

    Returns
    -------
    Tensor, shape (b, z, t, y, x)
        What comes from outside the matrix is 0.
    """
    b, z, t, y, x = clips.shape
    uniform = torch.rand(5, b, generator=generator)
    angle = (2 * uniform[0] - 1) * math.radians(ROTATION_DEGREES)
    # Coordinates run from -1 to 1 along both axes: the matrix is twice its share.
    shift = (2 * uniform[1:3] - 1) * 2 * TRANSLATION_FRACTION
    cosine, sine = angle.cos(), angle.sin()
    first = torch.stack([cosine, -sine * y / x, shift[0]], dim=1)
    second = torch.stack([sine * x / y, cosine, shift[1]], dim=1)
    transform = torch.stack([first, second], dim=1).to(clips.device, non_blocking=True)
    grid = functional.affine_grid(transform, [b, 1, y, x], align_corners=False)
    moved = functional.grid_sample(clips.flatten(1, 2), grid, align_corners=False).clamp(0, 1)
    gamma, brightness = (
        (low + (high - low) * share).to(clips.device, non_blocking=True)[:, None, None, None]
        for (low, high), share in zip((GAMMA, BRIGHTNESS), uniform[3:], strict=True)
    )
    return (moved**gamma * brightness).clamp(0, 1).unflatten(1, (z, t))
