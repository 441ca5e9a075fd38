"""The spectrum of latents over the cycle, and a flatter one for diffusion."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor

_SMALLEST = 1e-3  # of the largest harmonic: below it, a gain would only enlarge rounding


def harmonic_sizes(latents: Tensor, slices: Tensor) -> Tensor:
    """Root mean square of each harmonic of each channel, over subjects, pixels and slices that exist.

    Parameters
    ----------
    latents : Tensor, shape (n, t, c, z, y, x)
    slices : Tensor, shape (n, 1, z, 1, 1)
        1 where a slice exists.

    Returns
    -------
    Tensor, shape (t // 2 + 1, c, 1, 1, 1)
        1 everywhere for white noise of unit variance.
    """
    spectrum = torch.fft.rfft(latents, dim=1, norm="ortho").abs().square()
    weights = slices[:, None].expand(-1, 1, 1, -1, *latents.shape[-2:])
    power = (spectrum * weights).sum(dim=(0, 3, 4, 5)) / weights.sum()
    return rearrange(power.sqrt(), "k c -> k c 1 1 1")


def flattening_gains(sizes: Tensor, frames: int, power: float) -> Tensor:
    """Gains (k, c, 1, 1, 1) that take harmonics of these sizes g to g^(1 - power), with unit variance of each channel.

    Parameters
    ----------
    sizes : Tensor, shape (k, c, 1, 1, 1)
        From `harmonic_sizes`.
    frames : int
        Length t of the cycle; k is t // 2 + 1.
    power : float
        0 keeps the form of the spectrum, 1 makes it white.
    """
    gains = sizes.clamp(min=_SMALLEST * sizes.amax(dim=0, keepdim=True).clamp(min=_SMALLEST)) ** -power
    # All harmonics but the mean, and the last of an even number of frames, stand for two coefficients.
    count = torch.full((len(sizes), 1, 1, 1, 1), 2.0, device=sizes.device)
    count[0] = 1
    if frames % 2 == 0:
        count[-1] = 1
    variance = (count * (gains * sizes) ** 2).sum(dim=0) / frames
    return gains / variance.sqrt().clamp(min=_SMALLEST)


def filtered(data: Tensor, gains: Tensor) -> Tensor:
    """Data (b, t, c, z, y, x) with each harmonic times its gain (k, c, 1, 1, 1): a shift in time stays one."""
    spectrum = torch.fft.rfft(data.float(), dim=1, norm="ortho")
    return torch.fft.irfft(spectrum * gains, n=data.shape[1], dim=1, norm="ortho")
