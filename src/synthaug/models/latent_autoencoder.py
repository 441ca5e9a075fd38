"""Interface of all autoencoders: cines to latents and back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from synthaug.config.autoencoders import LatentAutoencoderSettings
from synthaug.data.store import TensorStore
from synthaug.models.base import Grid, TrainableModel
from synthaug.models.reconstruction import measure_reconstruction
from synthaug.models.removed_noise import RemovedNoise


class LatentAutoencoder(TrainableModel):
    """An autoencoder of cines; it may decode masks from the same latents as the images.

    Attributes
    ----------
    latent_shape : tuple of 4 ints
        Channels, slices, rows and columns of one latent frame. Slices are never merged.
    frames_per_latent : int
        Consecutive frames that share one latent frame; 1 where every frame has its own.
    removed_noise : RemovedNoise
        Noise that real cines have and decoded ones lack; once it is trained.
    """

    latent_shape: tuple[int, int, int, int]
    frames_per_latent: int = 1

    def __init__(
        self,
        settings: LatentAutoencoderSettings,
        grid: Grid,
        needs: Mapping[str, TrainableModel],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(settings, grid, needs, facts)
        self.removed_noise = RemovedNoise(grid.y, grid.x)

    @abstractmethod
    def encode_cine(self, cines: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latents of whole or partial cycles.

        Parameters
        ----------
        cines : Tensor, shape (b, t, z, y, x)
            Intensities in [0, 1]; t is a multiple of `frames_per_latent`.
        slices : Tensor, shape (b, 1, z, 1, 1)
            1 where a slice exists.

        Returns
        -------
        tuple of 2 Tensors, shape (b, t / frames_per_latent, c, z, y', x')
        """

    @abstractmethod
    def decode_cine(self, latents: Tensor, slices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Cines and masks of latents (b, t', c, z, y', x').

        Returns
        -------
        images : Tensor, shape (b, t, z, y, x), float32
            In [0, 1].
        labels : Tensor, shape (b, t, z, y, x), uint8, or None
            Canonical labels of every frame; None where it was trained without masks.
        """

    def reconstruct(self, cines: Tensor, slices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Images and labels of cines as they come back through the means of their latents.

        Arguments as those of `encode_cine`, wherever they lie; results as those of `decode_cine`, on the model's
        device.
        """
        cines, slices = cines.to(self.device), slices.to(self.device)
        return self.decode_cine(self.encode_cine(cines, slices)[0], slices)

    def finish(self, store: TensorStore) -> None:
        """Measure the noise that reconstructions of the training fold lack."""
        self.removed_noise.measure(self.reconstruct, store)

    def assess(self, store: TensorStore) -> dict[str, float]:
        """Fidelity of reconstructions: an upper bound for generators on these latents; and the noise that these lack."""
        return {
            **measure_reconstruction(self.reconstruct, store),
            "removed_noise_sd": self.removed_noise.sd(),
        }
