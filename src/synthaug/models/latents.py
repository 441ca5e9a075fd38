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
from synthaug.models.shared_rows import shared_rows


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

    The processes of a training share the subjects.

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
    geometries = draw_geometries(len(store), copies, geometry)
    arrays = mean, log_variance
    for copy, index, cine, slices in moved_cines(store, frames, geometries, autoencoder.device, arrays):
        encoded = autoencoder.encode_cine(cine, slices)
        mean[copy, index], log_variance[copy, index] = (part[0].cpu() for part in encoded)
    return LatentCache(mean, log_variance, scale_of(geometries), geometries)


def draw_geometries(
    subjects: int, copies: int, settings: GeometrySettings
) -> tuple[tuple[Geometry, ...], ...]:
    """The geometry of copy i of subject j at [i][j]: none of the first copy, others at random, the same every time."""
    generator = torch.Generator().manual_seed(0)
    drawn = [
        [Geometry() if copy == 0 else Geometry.draw(settings, generator) for copy in range(copies)]
        for _ in range(subjects)
    ]
    return tuple(zip(*drawn, strict=True))


def scale_of(geometries: Sequence[Sequence[Geometry]]) -> Tensor:
    """In-plane enlargement of each copy, (copies, n)."""
    return torch.tensor([[moved.scale for moved in copy] for copy in geometries])


def moved_cines(
    store: TensorStore,
    frames: Sequence[int],
    geometries: Sequence[Sequence[Geometry]],
    device: torch.device,
    arrays: Sequence[Tensor],
) -> Iterator[tuple[int, int, Tensor, Tensor]]:
    """Copies of the cines of a fold, of those subjects whose rows of some arrays this process fills; see `shared_rows`.

    Parameters
    ----------
    store : TensorStore
        The fold.
    frames : sequence of int
        Of each cine.
    geometries : sequence of sequence of Geometry
        From `draw_geometries`.
    device : torch.device
        Where the cines are moved.
    arrays : sequence of Tensor, shape (copies, n, ...)
        What is made of the cines, on the CPU.

    Yields
    ------
    copy, index : int
        Which copy of which subject.
    cine : Tensor, shape (1, t, z, y, x)
        Its `frames`, on the device.
    slices : Tensor, shape (1, 1, z, 1, 1)
        1 where a slice exists.
    """
    for index in shared_rows(len(store), [array.transpose(0, 1) for array in arrays], device):
        cine = torch.from_numpy(store.images[index, list(frames)].astype(np.float32)).to(device)
        slices = slice_weights(store.slice_mask[index]).to(cine)
        for copy, moved in enumerate(geometries):
            yield copy, index, moved[index].apply(cine)[None], slices


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
