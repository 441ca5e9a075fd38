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
    """

    name: str

    _BETA = (0.1, 20.0)

    def __post_init__(self) -> None:
        if self.name not in ("cosine", "linear", "flow"):
            raise ValueError(f"unknown schedule {self.name!r}; use cosine, linear or flow")

    def __call__(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """alpha and sigma at `time`, same shape."""
        if self.name == "cosine":
            return torch.cos(time * math.pi / 2), torch.sin(time * math.pi / 2)
        if self.name == "flow":
            return 1 - time, time
        log_alpha = self._log_alpha(time)
        return log_alpha.exp(), (-torch.expm1(2 * log_alpha)).sqrt()

    def derivatives(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """d alpha / dt and d sigma / dt at `time`; for ``"linear"`` not at 0, where it is infinite."""
        alpha, sigma = self(time)
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
