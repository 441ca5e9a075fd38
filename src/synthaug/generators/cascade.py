"""Residual-motion cascade: anatomy at end-diastole, then the motion away from it, then decoding."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pandas as pd
import torch
from torch import Tensor

from synthaug.config.generators import CascadeSettings
from synthaug.generators.latent import LatentGenerator
from synthaug.models.anatomy_diffusion import AnatomyDiffusion
from synthaug.models.autoencoder import Autoencoder
from synthaug.models.motion_diffusion import MotionDiffusion
from synthaug.models.weights import load_model


class Cascade(LatentGenerator):
    """The ED latent is drawn first, then the residual latents of all frames at once.

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
        super().__init__(autoencoder, {"autoencoder": autoencoder, "anatomy": anatomy, "motion": motion})
        self.anatomy, self.motion = anatomy, motion
        self.settings = settings

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

    def draw(self, rows: pd.DataFrame, slices: Tensor) -> Tensor:
        """Latents of whole cycles; see `LatentGenerator.draw`."""
        anatomy_noise, motion_noise = [], []
        for seed in rows["seed"]:
            generator = torch.Generator().manual_seed(int(seed))
            anatomy_noise.append(self.noise(generator))
            motion_noise.append(self.noise(generator, self.latent_frames))
        anatomy = self.anatomy.sample(
            self.values(self.anatomy.conditions, rows),
            slices,
            torch.stack(anatomy_noise).to(self.device),
            self.settings.anatomy_sampler,
        )
        return self.motion.sample(
            anatomy,
            self.values(self.motion.conditions, rows),
            self.phases(rows),
            slices,
            torch.stack(motion_noise).to(self.device),
            self.settings.motion_sampler,
        )
