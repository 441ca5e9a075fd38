"""Cardiac phase: where in its cycle a frame is, whatever the heart's own timing."""

from __future__ import annotations

import torch
from torch import Tensor


def cardiac_phase(es_phase: Tensor, frames: int, together: int = 1) -> Tensor:
    """Phase of every frame: 0 at ED (frame 0), 1/2 at ES, linear between, and cyclic.

    Parameters
    ----------
    es_phase : Tensor, shape (b,)
        Fraction of the cycle at which ES is; NaN where unknown, and then the phase is linear in time.
    frames : int
        Frames of the cycle.
    together : int
        Consecutive frames that one phase stands for: that of their middle.

    Returns
    -------
    Tensor, shape (b, frames / together)
        In [0, 1).
    """
    first = torch.arange(0, frames, together, device=es_phase.device)
    time = (first + (together - 1) / 2) / frames
    systole = torch.where(torch.isfinite(es_phase), es_phase, 0.5)[:, None]
    return torch.where(time < systole, time / systole / 2, 0.5 + (time - systole) / (1 - systole) / 2)


def frame_of_systole(es_phase: Tensor, frames: int) -> list[int]:
    """Frame of each cycle that is nearest to end-systole; the middle one where ES is unknown.

    Parameters
    ----------
    es_phase : Tensor, shape (b,)
        As of `cardiac_phase`; on the CPU.
    frames : int
        Frames of the cycle.
    """
    found: list[int] = (cardiac_phase(es_phase, frames) - 0.5).abs().argmin(dim=1).tolist()
    return found


def contraction(phases: Tensor) -> Tensor:
    """How far the heart is from ED to ES at these phases: 0 at phase 0, 1 at 1/2, linear and symmetric."""
    return 1 - (1 - 2 * phases).abs()
