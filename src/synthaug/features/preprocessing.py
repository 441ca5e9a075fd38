"""From a cine to the images and clips that a supplied network takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from synthaug.data.resampling import apply_weights, axis_weights, resample_beat


def temporal_clips(cine: np.ndarray, frames: int) -> np.ndarray:
    """Each slice through time, resampled to the frames of the network.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        One beat: the last frame leads to the first.
    frames : int
        Frames wanted, evenly over the beat from the first one on.

    Returns
    -------
    ndarray, shape (z, frames, y, x), float32
        Interpolated linearly and cyclically; the cine's own frames where it has as many.
    """
    positions = np.arange(frames) * (len(cine) / frames)
    return resample_beat(cine.astype(np.float32), positions).swapaxes(0, 1)


def spatial_clips(cine: np.ndarray, frames: int) -> np.ndarray:
    """Each frame through the slices, resampled to the frames of the network.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
    frames : int
        Steps wanted, evenly from the first to the last slice.

    Returns
    -------
    ndarray, shape (t, frames, y, x), float32
        Interpolated linearly; the cine's own slices where it has as many.
    """
    slices = cine.shape[1]
    positions = np.linspace(0, slices - 1, frames)
    return apply_weights(cine, axis_weights(slices, positions, step=1.0, outside=False), axis=1)


@dataclass(frozen=True)
class Preprocessing:
    """Input size, channels and intensities of a network.

    Attributes
    ----------
    size : tuple of int
        Pixels in y and x.
    channels : int
        Each gets the same grey.
    mean, deviation : tuple of float
        Subtracted from intensities in [0, 1], then divided by; one number, or one a channel.
    frames : int or None
        Frames of a clip; None for a network of single images.
    antialias : bool
        Whether images are smoothed before they are made smaller.
    """

    size: tuple[int, int]
    channels: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    frames: int | None = None
    antialias: bool = False

    def __str__(self) -> str:
        """Everything that changes the features, as a part of the extractor's identity."""
        extents = [*([] if self.frames is None else [self.frames]), *self.size, self.channels]
        return "-".join([
            "x".join(map(str, extents)),
            "mean" + ",".join(map(str, self.mean)),
            "deviation" + ",".join(map(str, self.deviation)),
            "antialiased" if self.antialias else "bilinear",
        ])  # fmt: skip

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """Resize and normalise images (n, y, x) or clips (n, frames, y, x).

        Returns
        -------
        Tensor, shape (n, channels, *size) or (n, channels, frames, *size)
        """
        resized = functional.interpolate(
            images.reshape(-1, 1, *images.shape[-2:]),
            self.size,
            mode="bilinear",
            align_corners=False,
            antialias=self.antialias,
        )
        resized = resized.reshape(len(images), 1, *images.shape[1:-2], *self.size)
        along_channels = (-1, *[1] * (resized.ndim - 2))
        mean, deviation = (
            resized.new_tensor(values).reshape(along_channels) for values in (self.mean, self.deviation)
        )
        normalised = (resized - mean) / deviation
        return normalised.expand(-1, self.channels, *resized.shape[2:]).contiguous()
