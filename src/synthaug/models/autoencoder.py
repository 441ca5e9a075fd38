"""Anisotropic variational autoencoder of frames, which may decode masks from the same latent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from einops import rearrange, repeat
from torch import Tensor
from torch.nn import functional

from synthaug.config.autoencoders import AutoencoderSettings
from synthaug.config.geometry import ConsistencySettings
from synthaug.core.errors import SynthaugError
from synthaug.data.store import TensorStore
from synthaug.diffusion.draws import normal_like
from synthaug.labels import STRUCTURES, UNLABELLED
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.geometry import Geometry
from synthaug.models.latent_autoencoder import LatentAutoencoder
from synthaug.models.mask_consistency import consistency_loss, draw_changes
from synthaug.models.radial_deformation import RadialDeformation
from synthaug.models.reconstruction import labelled_frames
from synthaug.models.sharpening import SharpeningTerms, ramp
from synthaug.networks.autoencoder import Decoder, Encoder

CLASSES = 1 + len(STRUCTURES)
_FRAMES_DECODED = 16  # at once: bounds the memory of a batch of long cines


class Autoencoder(LatentAutoencoder):
    """Variational autoencoder of single frames, semi-supervised: masks are decoded from the same latent.

    Data        x: one frame, (1, z, y, x) in [0, 1];  m: its masks, where it is labelled
    Prediction  z ~ N(mu(x), sigma(x)^2), (c, z, y / prod(strides), x / prod(strides));  (y, m') = D(z)
    Loss        |y - x| + w_g |grad y - grad x| + w_k KL(N(mu, sigma^2), N(0, I)) + w_m CEDice(m', m) + `SharpeningTerms`
                + w_m w_c CEDice of a changed frame and what was predicted of the frame, where nobody labelled it

    Means are over slices that exist; the others influence neither them nor the loss. Only the plane is compressed.

    References
    ----------
    Kingma and Welling, ICLR 2014; Rombach et al., CVPR 2022.
    """

    def __init__(
        self,
        settings: AutoencoderSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.settings = settings
        strides = [(y, x) for _, y, x in settings.level_strides]
        y, x = (math.prod(lengths) for lengths in zip(*strides, strict=True))
        if grid.y % y or grid.x % x:
            raise SynthaugError(
                f"autoencoder: the plane of {grid.y} x {grid.x} voxels is not divisible by {y} x {x} "
                f"({len(strides)} levels); change harmonisation.matrix or the model's channels or strides"
            )
        self.latent_shape = (settings.latent_channels, grid.z, grid.y // y, grid.x // x)
        sizes = (settings.channels, settings.blocks, settings.latent_channels, strides)
        self.encoder = Encoder(*sizes)
        self.decoder = Decoder(*sizes, outputs=(1, CLASSES) if settings.masks else (1,))
        self.sharpening = SharpeningTerms(settings, settings.channels[0], needs.get("perceptual"))

    def encode(self, frames: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latents of frames (b, 1, z, y, x) in [0, 1].

        `slices` is (b, 1, z, 1, 1), 1 where a slice exists.
        """
        return self.encoder(2 * frames - 1, slices)

    def decode(self, latents: Tensor, slices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Images (b, 1, z, y, x), roughly in [0, 1], and mask logits (b, 4, z, y, x), None without masks."""
        images, *logits = self.decoder(latents, slices)
        return (images + 1) / 2, logits[0] if logits else None

    def encode_cine(self, cines: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Latents of cines, frame by frame; see `LatentAutoencoder.encode_cine`."""
        frames = rearrange(cines, "b t z y x -> (b t) 1 z y x")
        mean, log_variance = self.encode(frames, _for_every_frame(slices, cines.shape[1]))
        apart = "(b t) c z y x -> b t c z y x"
        return rearrange(mean, apart, b=len(cines)), rearrange(log_variance, apart, b=len(cines))

    def decode_cine(self, latents: Tensor, slices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Cines and masks, frame by frame; see `LatentAutoencoder.decode_cine`."""
        count, frames = latents.shape[:2]
        folded = rearrange(latents, "b t c z y x -> (b t) c z y x")
        folded_slices = _for_every_frame(slices, frames)
        images, labels = [], []
        for start in range(0, len(folded), _FRAMES_DECODED):
            part = slice(start, start + _FRAMES_DECODED)
            image, logits = self.decode(folded[part], folded_slices[part])
            images.append(image[:, 0].float().clamp(0, 1))
            if logits is not None:
                labels.append(logits.argmax(dim=1).to(torch.uint8))
        together = "(b t) z y x -> b t z y x"
        return (
            rearrange(torch.cat(images), together, b=count),
            rearrange(torch.cat(labels), together, b=count) if labels else None,
        )

    def prepare(self, store: TensorStore) -> None:
        """Take the training fold."""
        self._store = store
        masks = self.settings.masks
        self._labelled = [labelled_frames(store, index) if masks else [] for index in range(len(store))]

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """One frame of each subject: `frames` (b, 1, z, y, x), `labels` (b, z, y, x), `slices`.

        With sharpening terms also `existing` (n,): the slices that exist, as rows of "(b z)".
        """
        frames, labels, slices = [], [], []
        for turn in indices:
            index, frame = self._draw(turn, generator)
            geometry = Geometry.draw(self.settings.augmentation, generator)
            image = torch.from_numpy(self._store.images[index, frame].astype(np.float32))
            label = torch.from_numpy(self._store.labels[index, frame].copy())
            if self.settings.deformation is not None and frame in self._labelled[index]:
                deformation = RadialDeformation.draw(self.settings.deformation, generator)
                if deformation is not None:
                    image, label = deformation.apply(image, label)
            frames.append(geometry.apply(image)[None])
            labels.append(geometry.apply(label, labels=True))
            slices.append(torch.from_numpy(self._store.slice_mask[index]).float()[None, :, None, None])
        batch = {"frames": torch.stack(frames), "labels": torch.stack(labels), "slices": torch.stack(slices)}
        if self.settings.consistency is not None:
            plane = self.grid.y, self.grid.x
            batch |= draw_changes(self.settings.consistency, len(indices), plane, generator)
        if self.sharpening.enabled:  # counted on the host: their number is the length of a tensor in `loss`
            batch["existing"] = torch.nonzero(batch["slices"].flatten() > 0)[:, 0]
        return batch

    def _draw(self, turn: int, generator: torch.Generator) -> tuple[int, int]:
        """Subject and frame of an item: of the subject whose turn it is or, where they are oversampled, of a labelled one."""
        fraction = self.settings.labelled_fraction
        with_labels = [index for index, frames in enumerate(self._labelled) if frames]
        if not (self.settings.oversample_labelled and with_labels):
            return turn, draw_frame(self._labelled[turn], self.grid.frames, fraction, generator)
        choice, subject = torch.rand(2, generator=generator).tolist()
        if choice < fraction:
            index = with_labels[int(subject * len(with_labels))]
            return index, draw_frame(self._labelled[index], self.grid.frames, 1.0, generator)
        return turn, draw_frame([], self.grid.frames, 0.0, generator)

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted sum of image L1, image gradient L1, KL divergence, mask losses and, late, the sharpening terms."""
        frames, slices = batch["frames"], batch["slices"]
        mean, log_variance = self.encode(frames, slices)
        noise = normal_like(mean, generator)
        images, logits = self.decode(mean + (log_variance / 2).exp() * noise, slices)
        error = (images - frames).float()
        divergence = (mean**2 + log_variance.exp() - 1 - log_variance).float() / 2
        terms = {
            "image": masked_mean(error.abs(), slices),
            "gradient": masked_mean(error.diff(dim=-1).abs(), slices)
            + masked_mean(error.diff(dim=-2).abs(), slices),
            "kl": masked_mean(divergence, slices),
        }
        total = (
            terms["image"]
            + self.settings.gradient_weight * terms["gradient"]
            + self.settings.kl_weight * terms["kl"]
        )
        if logits is not None:
            terms["mask"] = mask_loss(logits.float(), batch["labels"])
            total = total + self.settings.mask_weight * terms["mask"]
            if self.settings.consistency is not None:
                weight, terms["consistency"] = self._consistency(
                    self.settings.consistency, batch, logits, iteration
                )
                total = total + weight * terms["consistency"]
        if self.sharpening.enabled:
            made, real = (
                rearrange(side, "b 1 z y x -> (b z) 1 y x")[batch["existing"]] for side in (images, frames)
            )
            weighted, late = self.sharpening.terms(made, real, "image", iteration)
            total = sum(weighted, total)
            terms |= late
        return total, {name: term.detach() for name, term in terms.items()}

    def _consistency(
        self, settings: ConsistencySettings, batch: dict[str, Tensor], logits: Tensor, iteration: int
    ) -> tuple[float, Tensor]:
        """Weight and loss of the masks of changed frames; nothing is computed before the weight rises."""

        def predict(frames: Tensor) -> Tensor:
            answer = self.decode(self.encode(frames, batch["slices"])[0], batch["slices"])[1]
            assert answer is not None  # settings refuse consistency without masks
            return answer

        weight = settings.weight * self.settings.mask_weight
        weight *= ramp(iteration, self.settings.training.iterations, settings.late_from)
        if not weight:
            return 0.0, logits.new_zeros(())
        return weight, consistency_loss(predict, mask_loss, batch, logits, settings.confidence)


def _for_every_frame(slices: Tensor, frames: int) -> Tensor:
    return repeat(slices, "b 1 z 1 1 -> (b t) 1 z 1 1", t=frames)


def draw_frame(labelled: list[int], frames: int, fraction: float, generator: torch.Generator) -> int:
    """One of the `labelled` frames in a `fraction` of draws, where there are any, otherwise any of all `frames`."""
    choice, position = torch.rand(2, generator=generator).tolist()
    among = labelled if labelled and choice < fraction else range(frames)
    return among[int(position * len(among))]


def masked_mean(values: Tensor, slices: Tensor) -> Tensor:
    """Mean of (b, c, z, y, x) over the slices that exist."""
    _, c, _, y, x = values.shape
    return (values * slices).sum() / (slices.sum() * c * y * x)


def mask_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice loss over annotated voxels; 0 where there are none.

    Parameters
    ----------
    logits : Tensor, shape (b, classes, z, y, x)
    labels : Tensor, shape (b, z, y, x)
        Canonical labels, `UNLABELLED` where there is no annotation.

    References
    ----------
    Drozdzal et al., DLMIA 2016 (soft Dice); summed over the batch, background left out.
    """
    known = labels != UNLABELLED
    truth = torch.where(known, labels, 0).long()
    entropy = functional.cross_entropy(logits, truth, reduction="none")
    one_hot = functional.one_hot(truth, CLASSES).movedim(-1, 1) * known[:, None]
    probabilities = logits.softmax(dim=1) * known[:, None]
    overlap = (probabilities * one_hot).sum(dim=(0, 2, 3, 4))[1:]
    total = (probabilities + one_hot).sum(dim=(0, 2, 3, 4))[1:]
    dice = (2 * overlap + 1) / (total + 1)
    return (entropy * known).sum() / known.sum().clamp(min=1) + 1 - dice.mean()
