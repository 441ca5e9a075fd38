"""Interface of all autoencoders: cines to latents and back."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from synthaug.data.store import TensorStore
from synthaug.models.base import TrainableModel
from synthaug.models.reconstruction import measure_reconstruction


class LatentAutoencoder(TrainableModel):
    """An autoencoder of cines; it may decode masks from the same latents as the images.

    Attributes
    ----------
    latent_shape : tuple of 4 ints
        Channels, slices, rows and columns of one latent frame. Slices are never merged.
    frames_per_latent : int
        Consecutive frames that share one latent frame; 1 where every frame has its own.
    """

    latent_shape: tuple[int, int, int, int]
    frames_per_latent: int = 1

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

    def assess(self, store: TensorStore) -> dict[str, float]:
        """Fidelity of reconstructions: an upper bound for generators on these latents."""
        return measure_reconstruction(self.reconstruct, store)
