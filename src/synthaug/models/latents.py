"""Latents of the training fold, encoded once: mean and log-variance of augmented copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synthaug.config.geometry import GeometrySettings
from synthaug.data.store import TensorStore
from synthaug.models.geometry import Geometry
from synthaug.models.latent_autoencoder import LatentAutoencoder


@dataclass(frozen=True)
class LatentCache:
    """Encoded training cines.

    Attributes
    ----------
    mean, log_variance : Tensor, shape (copies, n, t, c, z, y, x), float16, on the CPU
        Copy 0 is the original.
    scale : Tensor, shape (copies, n)
        In-plane enlargement of each copy; its volumes are `scale` squared times the original's.
    geometries : tuple of tuple of Geometry
        The geometry of copy i of subject j at [i][j], for what is transformed like its cine, such as masks.
    """

    mean: Tensor
    log_variance: Tensor
    scale: Tensor
    geometries: tuple[tuple[Geometry, ...], ...] = ()

    def draw(self, copy: int, index: int, frames: Tensor, generator: torch.Generator) -> Tensor:
        """A fresh draw of some frames' latents, (t, c, z, y, x).

        All frames share one noise: what moves between frames is the heart, not the noise.
        """
        mean = self.mean[copy, index, frames].float()
        deviation = (self.log_variance[copy, index, frames].float() / 2).exp()
        return mean + deviation * torch.randn(mean.shape[1:], generator=generator)


@torch.no_grad()
def encode_cines(
    autoencoder: LatentAutoencoder,
    store: TensorStore,
    frames: Sequence[int],
    copies: int,
    geometry: GeometrySettings,
) -> LatentCache:
    """Encode copies of all cines, the first as they are, the others moved, turned and scaled.

    Parameters
    ----------
    autoencoder : LatentAutoencoder
        Trained.
    store : TensorStore
        Training fold.
    frames : sequence of int
        Frames to encode.
    copies : int
        Versions of each cine.
    geometry : GeometrySettings
        Limits of the random geometry; the draw is the same every time.

    Returns
    -------
    LatentCache
        With t = len(frames) / autoencoder.frames_per_latent.
    """
    length = len(frames) // autoencoder.frames_per_latent
    shape = (copies, len(store), length, *autoencoder.latent_shape)
    mean, log_variance = torch.empty(shape, dtype=torch.float16), torch.empty(shape, dtype=torch.float16)
    scale = torch.ones(copies, len(store))
    geometries: list[list[Geometry]] = [[] for _ in range(copies)]
    for copy, index, cine, slices, moved in moved_cines(store, frames, copies, geometry, autoencoder.device):
        encoded = autoencoder.encode_cine(cine, slices)
        mean[copy, index], log_variance[copy, index] = (part[0].cpu() for part in encoded)
        scale[copy, index] = moved.scale
        geometries[copy].append(moved)
    return LatentCache(mean, log_variance, scale, tuple(map(tuple, geometries)))


def moved_cines(
    store: TensorStore,
    frames: Sequence[int],
    copies: int,
    geometry: GeometrySettings,
    device: torch.device,
) -> Iterator[tuple[int, int, Tensor, Tensor, Geometry]]:
    """Copies of all cines of a fold, the first as they are, the others by a random geometry, the same every time.

    Yields
    ------
    copy, index : int
        Which copy of which subject.
    cine : Tensor, shape (1, t, z, y, x)
        Its `frames`, on the device.
    slices : Tensor, shape (1, 1, z, 1, 1)
        1 where a slice exists.
    moved : Geometry
        Of this copy.
    """
    generator = torch.Generator().manual_seed(0)
    for index in range(len(store)):
        cine = torch.from_numpy(store.images[index, list(frames)].astype(np.float32)).to(device)
        slices = slice_weights(store.slice_mask[index]).to(cine)
        for copy in range(copies):
            moved = Geometry() if copy == 0 else Geometry.draw(geometry, generator)
            yield copy, index, moved.apply(cine)[None], slices, moved


def slice_weights(slice_mask: np.ndarray) -> Tensor:
    """A slice mask (z,) as weights (1, 1, z, 1, 1)."""
    return torch.from_numpy(slice_mask).float()[None, None, :, None, None]


def channel_statistics(latents: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (c, 1, 1, 1) of latents (n, c, z, y, x) over existing slices."""
    weights = slices.expand(-1, -1, -1, *latents.shape[-2:])
    count = weights.sum()
    mean = (latents * weights).sum(dim=(0, 2, 3, 4)) / count
    centred = (latents - mean[:, None, None, None]) * weights
    deviation = (centred.square().sum(dim=(0, 2, 3, 4)) / count).sqrt()
    return mean[:, None, None, None], deviation.clamp(min=1e-6)[:, None, None, None]
