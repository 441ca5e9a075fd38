"""Diffusion model of whole cines: the latents of all slices and frames in a single pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from synthaug.config.cine_diffusion import CineDiffusionSettings
from synthaug.config.generators import SamplerSettings
from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.latent_diffusion import ConditionedPredict, LatentDiffusion
from synthaug.models.temporal_spectrum import filtered, flattening_gains, harmonic_sizes
from synthaug.networks.cine_unet import CineUNet, Layout
from synthaug.networks.conditioning import Kept
from synthaug.networks.factorised_unet import FactorisedUNet
from synthaug.networks.patches import check_patch
from synthaug.networks.stacked_unet import StackedUNet
from synthaug.networks.transformer import CineTransformer
from synthaug.networks.unet import Control


class CineDiffusion(LatentDiffusion):
    """Latents of all slices and frames of a cycle at once.

    Data        z = (encode(x) - mean) / sd,  (b, t, c, z, y, x), zero in missing slices
    Spectrum    over the cycle, each harmonic divided by its size in the fold to the power `temporal_flattening`, unit variance:
                white noise in every frame would bury the small harmonics, and errors there are the tremble of a cine
    Forward     z_t = alpha_t z + sigma_t e,  e ~ N(0, I)
    Prediction  f(z_t, slices, p, t, c) = z (objective `data`), e, v or the flow velocity;  p: phase of each frame
    Loss        w_t |f(z_t, slices, p, t, c) - target|^2, mean over slices that exist; c replaced by nulls at random

    References
    ----------
    An abstract on 4D cine MRI in a single pass: slices stacked on the channels, convolution over time and plane.
    Differences: slices may be missing, each frame has its cardiac phase as input, time is cyclic, masks are decoded
    with the images. Other networks: a transformer over all patches (Peebles and Xie, ICCV 2023), and a U-Net that takes
    space and time in turn (Wang et al., ModelScope text-to-video technical report, 2023).
    """

    settings: CineDiffusionSettings
    gains: Tensor

    def __init__(
        self,
        settings: CineDiffusionSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        frames = grid.frames // self.autoencoder.frames_per_latent
        shape = self.autoencoder.latent_shape
        self.network = _network(settings, (frames, *shape), self.embedding_size)
        self.register_buffer("gains", torch.ones(frames // 2 + 1, shape[0], 1, 1, 1))

    def prepare(self, store: TensorStore) -> None:
        """Encode all frames; take statistics of the latents, of their spectrum, and of the conditions."""
        self.fit_to_cines(store)
        latents = self.cache.mean[0].float().to(self.device)
        slices = self.slices.to(self.device)
        sizes = harmonic_sizes(super().normalise(latents, slices[:, None]), slices)
        self.gains.copy_(flattening_gains(sizes, latents.shape[1], self.settings.temporal_flattening))

    def normalise(self, latents: Tensor, slices: Tensor) -> Tensor:
        """Whole cycles (b, t, c, z, y, x) with zero mean, unit variance and a flatter spectrum over the cycle."""
        return filtered(super().normalise(latents, slices), self.gains)

    def denormalise(self, data: Tensor, slices: Tensor) -> Tensor:
        """The inverse of `normalise` in existing slices."""
        return super().denormalise(filtered(data, 1 / self.gains), slices)

    def batch(self, indices: list[int], generator: torch.Generator) -> dict[str, Tensor]:
        """Fresh draws of cines; see `cine_batch`."""
        return self.cine_batch(indices, generator)

    def loss(
        self, batch: dict[str, Tensor], generator: torch.Generator, iteration: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Denoising error over existing slices of all frames."""
        slices = batch["slices"][:, None]
        data = self.normalise(batch["latents"], slices)
        predict = self.predictor(batch, batch["phases"], batch["slices"])
        return self.diffusion_loss(predict, data, slices, generator), {}

    def sample(
        self,
        values: Mapping[str, Tensor],
        phases: Tensor,
        slices: Tensor,
        noise: Noise,
        settings: SamplerSettings,
    ) -> Tensor:
        """Latents of whole cycles.

        Parameters
        ----------
        values : mapping of str to Tensor, shape (b,)
            Raw conditions, from `Conditioner.read`.
        phases : Tensor, shape (b, t)
            From `cardiac_phase`, one a latent frame.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice is requested.
        noise : Noise
            A stream for each row.
        settings : SamplerSettings
            Solver, steps, guidance.

        Returns
        -------
        Tensor, shape (b, t, c, z, y, x)
            As the autoencoder encodes them; 0 in slices that are not requested.
        """
        data = self.solve(
            self.predictor,
            (values, phases, slices),
            noise,
            (phases.shape[1], *self.autoencoder.latent_shape),
            settings,
        )
        return self.denormalise(data, slices[:, None])

    @property
    def layout(self) -> Layout | None:
        """How cines are laid out for the U-Net, for a control branch; None of a network without one."""
        return self.network.layout if isinstance(self.network, CineUNet) else None

    def predictor(
        self,
        values: Mapping[str, Tensor],
        phases: Tensor,
        slices: Tensor,
        control: Control | None = None,
    ) -> ConditionedPredict:
        """The network's prediction, given raw conditions, phases (b, t), slices and, for a U-Net, what steers it."""
        steering = {} if control is None else {"control": control}

        def predict(noisy: Tensor, times: Tensor, kept: Kept | None) -> Tensor:
            embedding = self.time(times) + self.conditioner(values, kept).vector
            prediction: Tensor = self.network(noisy * slices[:, None], slices, phases, embedding, **steering)
            return prediction

        return predict


def _network(settings: CineDiffusionSettings, latent: tuple[int, ...], embedding: int) -> nn.Module:
    """The network of the settings for latents of (t, c, z, y, x)."""
    frames, channels, depth, rows, columns = latent
    if settings.network == "unet":
        return StackedUNet(channels, depth, settings.channels, settings.blocks, embedding)
    if settings.network == "factorised_unet":
        return FactorisedUNet(channels, settings.channels, settings.blocks, embedding)
    check_patch("cine_diffusion", (frames, rows, columns), settings.patch)
    return CineTransformer(
        channels,
        (depth, rows, columns),
        settings.patch,
        settings.width,
        settings.depth,
        settings.heads,
        embedding,
    )
