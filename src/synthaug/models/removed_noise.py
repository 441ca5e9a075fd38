"""Noise of the images that an autoencoder removes, measured on the training fold, and drawn for synthetic cines."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from synthaug.data.store import TensorStore
from synthaug.diffusion.noise import Noise
from synthaug.models.reconstruction import Reconstruct

_LEVELS = (
    33  # quantiles of the levels of cines: as many whatever the fold, so that the buffer's shape is known
)
# Noise has all frequencies, what moves has the low ones: noise is looked for in harmonics of the cycle above the first fraction of
# the frames, and at frequencies of the plane above the second, in cycles a voxel.
_FASTER, _FINER = 1 / 3, 0.1
_RING = 1.5  # times the latter: up to there the spectrum is averaged for all lower frequencies


class RemovedNoise(nn.Module):
    """Noise that reconstructions lack: Gaussian, white over frames and slices, with a spectrum in the plane.

    Data        x: a training cine, y: its reconstruction; X, Y: their orthonormal Fourier transforms over (t, y, x)
    Statistics  P_i(f) = mean of |X|^2 - |Y|^2 over the slices of cine i and its harmonics of time above T / 3; for f below 0.1
                cycles a voxel its mean over 0.1 to 0.15
                S(f) = max(mean_i P_i(f), 0), the spectrum;  l_i^2 = sum_f P_i(f) / sum_f S(f), at least 0, the level
    Draw        l F^-1(sqrt(S) F(e)),  e ~ N(0, 1) for each voxel,  l: a quantile of the l_i, one for each cine

    A latent does not say the noise of each voxel, so that a decoder gives nearly the mean of all images that fit, and a
    cine decoded from a perfectly drawn latent is smoother than a real one. Only where fast harmonics and fine structure meet
    is there much noise and little that moves: what the autoencoder blurs in time or in the plane should not count as noise.

    Parameters
    ----------
    y, x : int
        Rows and columns of the images.

    References
    ----------
    Gudbjartsson and Patz, Magnetic Resonance in Medicine 1995: noise of magnitude images is nearly Gaussian where the
    signal is above it.
    """

    amplitude: Tensor
    levels: Tensor

    def __init__(self, y: int, x: int) -> None:
        super().__init__()
        self.plane = (y, x)
        self.register_buffer("amplitude", torch.zeros(y, x // 2 + 1))
        self.register_buffer("levels", torch.zeros(_LEVELS))

    @torch.no_grad()
    def measure(self, reconstruct: Reconstruct, store: TensorStore) -> None:
        """Take the statistics of a training fold; with a single frame a cine nothing tells noise, and there is none.

        Parameters
        ----------
        reconstruct : callable
            `LatentAutoencoder.reconstruct` with the final weights.
        store : TensorStore
            The training fold.
        """
        device = self.amplitude.device
        lost = []
        for index in range(len(store)):
            there = torch.from_numpy(store.slice_mask[index])
            cine = torch.from_numpy(store.images[index].astype(np.float32))[None]
            back = reconstruct(cine, there.float()[None, None, :, None, None])[0]
            of_real, of_back = (fast_power(side[0, :, there].float().to(device)) for side in (cine, back))
            lost.append(self._without_coarse(of_real - of_back))
        power = torch.stack(lost)
        spectrum = power.mean(dim=0).clamp(min=0)
        total = self._total(spectrum)
        if total <= 0:
            return
        self.amplitude.copy_(spectrum.sqrt())
        levels = (self._total(power) / total).clamp(min=0).sqrt()
        self.levels.copy_(torch.quantile(levels, torch.linspace(0, 1, _LEVELS, device=device)))

    def sd(self) -> float:
        """Standard deviation of the noise, in units of the intensity range, of the median cine."""
        variance = self._total(self.amplitude.square()) / (self.plane[0] * self.plane[1])
        return float(variance.sqrt() * self.levels[_LEVELS // 2])

    def draw(self, noise: Noise, shape: tuple[int, int]) -> Tensor:
        """Noise of cines of (t, z) frames and slices, (b, t, z, y, x), of which each takes its level and its voxels from its stream."""
        place = torch.special.ndtr(noise(1)[:, 0]) * (_LEVELS - 1)
        below = place.floor().clamp(max=_LEVELS - 2)
        level = torch.lerp(self.levels[below.long()], self.levels[below.long() + 1], place - below)
        white = torch.fft.rfft2(noise(*shape, *self.plane), norm="ortho")
        coloured = torch.fft.irfft2(white * self.amplitude, s=self.plane, norm="ortho")
        return coloured * level[:, None, None, None, None]

    def _without_coarse(self, power: Tensor) -> Tensor:
        """Power (y, x // 2 + 1) with that of the lowest fine frequencies at all coarse ones."""
        rows, columns = (torch.fft.fftfreq(self.plane[0]), torch.fft.rfftfreq(self.plane[1]))
        frequency = torch.hypot(rows[:, None], columns[None]).to(power.device)
        ring = (frequency >= _FINER) & (frequency <= _RING * _FINER)
        return torch.where(frequency < _FINER, power[ring].mean(), power)

    def _total(self, power: Tensor) -> Tensor:
        """Sum of power (..., y, x // 2 + 1) over all frequencies of the plane."""
        twice = torch.full((power.shape[-1],), 2.0, device=power.device)
        twice[0] = 1
        if self.plane[1] % 2 == 0:
            twice[-1] = 1
        return (power * twice).sum(dim=(-2, -1))


def fast_power(cine: Tensor) -> Tensor:
    """Mean power of a cine (t, z, y, x) over slices and harmonics of time above T / 3, (y, x // 2 + 1).

    1 everywhere for white noise of unit variance; 0 for a single frame.
    """
    frames = len(cine)
    fast = [k for k in range(frames) if min(k, frames - k) > _FASTER * frames]
    if not fast:
        return cine.new_zeros(cine.shape[-2], cine.shape[-1] // 2 + 1)
    spectrum = torch.fft.fft(torch.fft.rfft2(cine, norm="ortho"), dim=0, norm="ortho")
    return spectrum[fast].abs().square().mean(dim=(0, 1))
