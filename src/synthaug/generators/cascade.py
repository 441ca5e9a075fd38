"""Residual-motion cascade: anatomy at end-diastole, then the motion away from it, then decoding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pandas as pd
from einops import rearrange, repeat
from torch import Tensor

from synthaug.config.generators import CascadeSettings
from synthaug.diffusion.noise import Noise
from synthaug.generators.latent import LatentGenerator
from synthaug.models.anatomy_diffusion import AnatomyDiffusion
from synthaug.models.autoencoder import Autoencoder
from synthaug.models.base import TrainableModel
from synthaug.models.motion_diffusion import MotionDiffusion


class Cascade(LatentGenerator):
    """The ED latent is drawn first, then the latents of all frames at once, by how they differ from it.

    Without a motion model the anatomy model draws every frame for itself, by its phase. Noise and
    conditions are the same for all frames of a cine, so that it moves as smoothly as the model is smooth. With
    `shared_noise: false` each frame has noise of its own: 3D diffusion without time.

    References
    ----------
    Anatomy-guided residual motion diffusion for controllable 4D cardiac MRI synthesis, 2026; Dorjsembe et al.,
    Three-dimensional medical image synthesis with denoising diffusion probabilistic models, MIDL 2022.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        anatomy: AnatomyDiffusion,
        motion: MotionDiffusion | None,
        settings: CascadeSettings,
    ) -> None:
        models = {"autoencoder": autoencoder, "anatomy": anatomy, "motion": motion}
        samplers = {"anatomy": settings.anatomy_sampler, "motion": settings.motion_sampler}
        super().__init__(
            autoencoder,
            {role: model for role, model in models.items() if model is not None},
            unconditional=[role for role, sampler in samplers.items() if sampler.unconditional],
        )
        self.anatomy, self.motion = anatomy, motion
        self.settings = settings

    @classmethod
    def of(cls, settings: CascadeSettings, models: Mapping[str, TrainableModel]) -> Cascade:
        """Made of autoencoder, anatomy and, unless that draws all frames, motion; see `LatentGenerator.of`."""
        return cls(
            cast(Autoencoder, models["autoencoder"]),
            cast(AnatomyDiffusion, models["anatomy"]),
            cast(MotionDiffusion | None, models.get("motion")),
            settings,
        )

    def draw(self, rows: pd.DataFrame, slices: Tensor) -> Tensor:
        """Latents of whole cycles; see `LatentGenerator.draw`."""
        if self.motion is None:
            return self._draw_frames(rows, slices)
        noise = Noise(rows["seed"], self.device)
        anatomy = self.anatomy.sample(
            self.values(self.anatomy.conditioner, rows), slices, noise, self.settings.anatomy_sampler
        )
        return self.motion.sample(
            anatomy,
            self.values(self.motion.conditioner, rows),
            self.phases(rows),
            slices,
            noise,
            self.settings.motion_sampler,
        )

    def _draw_frames(self, rows: pd.DataFrame, slices: Tensor) -> Tensor:
        """Every frame by the anatomy model, folded into the batch; from one noise or each from its own."""
        phases = self.phases(rows)
        frames = phases.shape[1]
        latents = self.anatomy.sample(
            {
                name: repeat(value, "b ... -> (b t) ...", t=frames)
                for name, value in self.values(self.anatomy.conditioner, rows).items()
            },
            repeat(slices, "b 1 z 1 1 -> (b t) 1 z 1 1", t=frames),
            Noise(rows["seed"], self.device, frames, self.settings.shared_noise),
            self.settings.anatomy_sampler,
            rearrange(phases, "b t -> (b t)"),
        )
        return rearrange(latents, "(b t) c z y x -> b t c z y x", t=frames)
