"""Residual-motion cascade: anatomy at end-diastole, then the motion away from it, then decoding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from einops import rearrange, repeat
from torch import Tensor

from synthaug.config.generators import CascadeSettings
from synthaug.errors import SynthaugError
from synthaug.generators.base import Generator
from synthaug.models.anatomy_diffusion import AnatomyDiffusion
from synthaug.models.autoencoder import Autoencoder
from synthaug.models.conditions import raw_values
from synthaug.models.motion_diffusion import MotionDiffusion, cardiac_phase
from synthaug.models.weights import load_model
from synthaug.store import first_slice

_FRAMES_DECODED = 16  # at once: bounds the memory of a batch of long cines


class Cascade(Generator):
    """Image and mask are decoded from one latent, so every frame comes with its mask.

    References
    ----------
    Anatomy-guided residual motion diffusion for controllable 4D cardiac MRI synthesis, 2026.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        anatomy: AnatomyDiffusion,
        motion: MotionDiffusion,
        settings: CascadeSettings,
    ) -> None:
        self.autoencoder, self.anatomy, self.motion = autoencoder, anatomy, motion
        self.settings = settings
        self.grid = autoencoder.grid

    @classmethod
    def build(cls, settings: CascadeSettings, models: Mapping[str, Path], device: str) -> Cascade:
        """Load the three models; both diffusion models must have been trained on this autoencoder."""
        autoencoder = cast(Autoencoder, load_model(models["autoencoder"], device=device))
        shared = {"autoencoder": autoencoder}
        return cls(
            autoencoder,
            cast(AnatomyDiffusion, load_model(models["anatomy"], shared, device)),
            cast(MotionDiffusion, load_model(models["motion"], shared, device)),
            settings,
        )

    def sample(
        self, conditions: pd.DataFrame, batch_size: int = 1
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Make one cine a row; see `Generator.sample`."""
        # A CPU kernel may sum in another order for another batch size: one subject at a time
        # keeps a sample the same bits in every chunk, and costs a CPU little.
        size = 1 if self.autoencoder.device.type == "cpu" else batch_size
        for start in range(0, len(conditions), size):
            rows = conditions.iloc[start : start + size]
            cines, labels = self._sample_batch(rows)
            for place, (subject, count) in enumerate(zip(rows["subject"], rows["n_slices"], strict=True)):
                first = first_slice(int(count), self.grid.z)
                there = slice(first, first + int(count))
                yield str(subject), cines[place][:, there], labels[place][:, there]

    @torch.no_grad()
    def _sample_batch(self, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        device = self.autoencoder.device
        shape = self.autoencoder.latent_shape
        slices = self._slices(rows).to(device)
        anatomy_noise, motion_noise = [], []
        for seed in rows["seed"]:
            generator = torch.Generator().manual_seed(int(seed))
            anatomy_noise.append(torch.randn(shape, generator=generator))
            motion_noise.append(torch.randn((self.grid.frames, *shape), generator=generator))
        anatomy = self.anatomy.sample(
            _to(self.anatomy.conditions.read(rows), device),
            slices,
            torch.stack(anatomy_noise).to(device),
            self.settings.anatomy_sampler,
        )
        latents = self.motion.sample(
            anatomy,
            _to(self.motion.conditions.read(rows), device),
            cardiac_phase(torch.from_numpy(raw_values(rows, "es_phase")), self.grid.frames).to(device),
            slices,
            torch.stack(motion_noise).to(device),
            self.settings.motion_sampler,
        )
        return self._decode(latents, slices)

    def _decode(self, latents: Tensor, slices: Tensor) -> tuple[np.ndarray, np.ndarray]:
        count, frames = latents.shape[:2]
        folded = rearrange(latents, "b t c z y x -> (b t) c z y x")
        folded_slices = repeat(slices, "b 1 z 1 1 -> (b t) 1 z 1 1", t=frames)
        images, masks = [], []
        for start in range(0, len(folded), _FRAMES_DECODED):
            part = slice(start, start + _FRAMES_DECODED)
            image, logits = self.autoencoder.decode(folded[part], folded_slices[part])
            images.append(image[:, 0].float().clamp(0, 1).cpu())
            masks.append(logits.argmax(dim=1).to(torch.uint8).cpu())
        together = "(b t) z y x -> b t z y x"
        return (
            rearrange(torch.cat(images), together, b=count).numpy(),
            rearrange(torch.cat(masks), together, b=count).numpy(),
        )

    def _slices(self, rows: pd.DataFrame) -> Tensor:
        slices = torch.zeros(len(rows), 1, self.grid.z, 1, 1)
        for place, (subject, count) in enumerate(zip(rows["subject"], rows["n_slices"], strict=True)):
            if not 1 <= count <= self.grid.z:
                raise SynthaugError(
                    f"{subject}: {count} slices are asked for; give 1 to {self.grid.z}, the slices of the grid"
                )
            first = first_slice(int(count), self.grid.z)
            slices[place, :, first : first + int(count)] = 1
        return slices


def _to(values: dict[str, Any], device: torch.device) -> dict[str, Tensor]:
    return {name: value.to(device) for name, value in values.items()}
