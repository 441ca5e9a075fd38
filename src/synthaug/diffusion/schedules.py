"""How much signal and noise there is at each diffusion time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Schedule:
    """alpha(t), sigma(t) and their derivatives; sigma rises, alpha falls.

    Parameters
    ----------
    name : str
        ``"cosine"``: alpha = cos(pi t / 2), sigma = sin(pi t / 2) (Nichol and Dhariwal,
        ICML 2021, without offset). ``"linear"``: variance-preserving with a noise rate linear
        in t, beta from 0.1 to 20 (Song et al., ICLR 2021). ``"flow"``: the straight path
        alpha = 1 - t, sigma = t (Liu et al., ICLR 2023; Lipman et al., ICLR 2023).
    noise_shift : float
        The ratio sigma / alpha is that of `name` times this, at every time: log-SNR is lower by 2 log(noise_shift)
        (Hoogeboom et al., Simple diffusion, ICML 2023; for ``"flow"``, Esser et al., ICML 2024).
    """

    name: str
    noise_shift: float = 1.0

    _BETA = (0.1, 20.0)

    def __post_init__(self) -> None:
        if self.name not in ("cosine", "linear", "flow"):
            raise ValueError(f"unknown schedule {self.name!r}; use cosine, linear or flow")

    def __call__(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """alpha and sigma at `time`, same shape."""
        alpha, sigma = self._named(time)
        if self.noise_shift == 1:
            return alpha, sigma
        total = self._total(alpha, sigma)
        return alpha / total, self.noise_shift * sigma / total

    def derivatives(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """d alpha / dt and d sigma / dt at `time`; for ``"linear"`` not at 0, where it is infinite."""
        rates = self._named_derivatives(time)
        if self.noise_shift == 1:
            return rates
        alpha, sigma = self._named(time)
        total, shift = self._total(alpha, sigma), self.noise_shift
        rate = rates[0] + shift * rates[1]
        if self.name != "flow":
            rate = (alpha * rates[0] + shift**2 * sigma * rates[1]) / total
        return (
            (rates[0] * total - alpha * rate) / total**2,
            shift * (rates[1] * total - sigma * rate) / total**2,
        )

    def _total(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Divisor of alpha and the shifted sigma: keeps alpha + sigma = 1 of ``"flow"``, alpha^2 + sigma^2 = 1 of the others."""
        if self.name == "flow":
            return alpha + self.noise_shift * sigma
        return (alpha**2 + (self.noise_shift * sigma) ** 2).sqrt()

    def _named(self, time: Tensor) -> tuple[Tensor, Tensor]:
        if self.name == "cosine":
            return torch.cos(time * math.pi / 2), torch.sin(time * math.pi / 2)
        if self.name == "flow":
            return 1 - time, time
        log_alpha = self._log_alpha(time)
        return log_alpha.exp(), (-torch.expm1(2 * log_alpha)).sqrt()

    def _named_derivatives(self, time: Tensor) -> tuple[Tensor, Tensor]:
        alpha, sigma = self._named(time)
        if self.name == "cosine":
            return -sigma * math.pi / 2, alpha * math.pi / 2
        if self.name == "flow":
            return -torch.ones_like(time), torch.ones_like(time)
        first, last = self._BETA
        alpha_rate = -alpha * (first + (last - first) * time) / 2
        return alpha_rate, -alpha * alpha_rate / sigma  # from alpha^2 + sigma^2 = 1

    def _log_alpha(self, time: Tensor) -> Tensor:
        first, last = self._BETA
        return -(first * time + (last - first) * time**2 / 2) / 2
