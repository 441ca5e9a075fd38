"""Deformed anatomy: end-diastole is drawn and decoded, then moved through the cycle by a drawn deformation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pandas as pd
import torch
from torch import Tensor

from synthaug.config.generators import DeformedAnatomySettings
from synthaug.data.cohort import Cohort
from synthaug.diffusion.noise import Noise
from synthaug.generators.latent import LatentGenerator
from synthaug.models.anatomy_diffusion import AnatomyDiffusion
from synthaug.models.autoencoder import Autoencoder
from synthaug.models.base import TrainableModel
from synthaug.models.deformation_diffusion import DeformationDiffusion
from synthaug.models.deformation_network import warp_labels
from synthaug.networks.warping import warp


class DeformedAnatomy(LatentGenerator):
    """One anatomy, moved: image and masks of every frame are those of ED, warped by one field.

    References
    ----------
    Kim and Ye, Diffusion deformable model for 4D temporal medical image generation, MICCAI 2022. docs/generators/comparison_methods.md
    says where this departs from it.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        anatomy: AnatomyDiffusion,
        deformation: DeformationDiffusion,
        settings: DeformedAnatomySettings,
    ) -> None:
        models = {
            "autoencoder": autoencoder,
            "anatomy": anatomy,
            "deformation_network": deformation.deformation,
            "deformation": deformation,
        }
        samplers = {"anatomy": settings.anatomy_sampler, "deformation": settings.deformation_sampler}
        super().__init__(
            autoencoder,
            models,
            unconditional=[role for role, sampler in samplers.items() if sampler.unconditional],
        )
        self.anatomy, self.deformation = anatomy, deformation
        self.settings = settings

    @classmethod
    def of(cls, settings: DeformedAnatomySettings, models: Mapping[str, TrainableModel]) -> DeformedAnatomy:
        """Made of autoencoder, anatomy and deformation, which has its network; see `LatentGenerator.of`."""
        return cls(
            cast(Autoencoder, models["autoencoder"]),
            cast(AnatomyDiffusion, models["anatomy"]),
            cast(DeformationDiffusion, models["deformation"]),
            settings,
        )

    def draw(self, rows: pd.DataFrame, slices: Tensor) -> Tensor:
        """Latents of end-diastole alone, (b, 1, c, z, y', x'): no other frame has any."""
        return self._draw_anatomy(rows, slices, Noise(rows["seed"], self.device))[:, None]

    def make(self, requests: Cohort, slices: Tensor) -> tuple[Tensor, Tensor | None]:
        """End-diastole decoded and warped to every frame; see `LatentGenerator.make`."""
        rows = requests.table
        noise = Noise(rows["seed"], self.device)
        anatomy = self._draw_anatomy(rows, slices, noise)
        code = self.deformation.sample(
            anatomy,
            self.values(self.deformation.conditioner, rows),
            slices,
            noise,
            self.settings.deformation_sampler,
        )
        images, labels = self.autoencoder.decode_cine(anatomy[:, None], slices)
        phases = self.phases(rows)
        fields = self.deformation.displacements(anatomy, code, phases, slices).flatten(0, 1)
        frames = phases.shape[1]
        many_slices = slices.repeat_interleave(frames, dim=0)
        cines = warp(images.repeat_interleave(frames, dim=0), fields, many_slices)[:, 0]
        cines = cines.unflatten(0, (len(rows), frames))
        cines = torch.cat([images, cines[:, 1:]], dim=1)  # ED as it was decoded
        if labels is None:
            return cines, None
        moved = warp_labels(labels[:, 0].repeat_interleave(frames, dim=0), fields, many_slices)
        moved = moved.unflatten(0, (len(rows), frames))
        return cines, torch.cat([labels, moved[:, 1:]], dim=1)

    def _draw_anatomy(self, rows: pd.DataFrame, slices: Tensor, noise: Noise) -> Tensor:
        return self.anatomy.sample(
            self.values(self.anatomy.conditioner, rows), slices, noise, self.settings.anatomy_sampler
        )
