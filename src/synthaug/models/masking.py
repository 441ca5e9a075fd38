"""Masks of a masked autoregressive model: which tokens are hidden in training, and decoded at each step of sampling."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_DEVIATION = 0.25  # of the normal distribution of mask ratios, whose mean is 1


def draw_mask_ratios(count: int, smallest: float, generator: torch.Generator) -> Tensor:
    """Ratios of masked tokens, (count,): normal with mean 1 and SD 0.25, truncated to [`smallest`, 1]."""
    lowest = torch.special.ndtr(torch.tensor((smallest - 1) / _DEVIATION))
    quantiles = lowest + (0.5 - lowest) * torch.rand(count, generator=generator)
    return (1 + _DEVIATION * torch.special.ndtri(quantiles)).clamp(smallest, 1)


def most_known(tokens: int, smallest: float) -> int:
    """Tokens at most that stay known of so many, or of fewer, if at least the ratio `smallest` is masked."""
    return tokens - math.ceil(smallest * tokens)


def random_order(draws: Tensor, existing: Tensor) -> tuple[Tensor, Tensor]:
    """A uniform order of the tokens of each sample, those that do not exist last.

    Parameters
    ----------
    draws : Tensor, shape (b, n)
        Independent draws of one continuous distribution.
    existing : Tensor of bool, shape (b, n)
        Tokens that exist.

    Returns
    -------
    order : Tensor of int, shape (b, n)
        Place of the token that comes first, second and so on.
    counts : Tensor of int, shape (b,)
        Tokens that exist.
    """
    order = torch.where(existing, draws, torch.inf).argsort(dim=1, stable=True)
    return order, existing.sum(dim=1)


def still_masked(tokens: int, steps: int) -> list[int]:
    """How many of so many tokens are masked before the first step and after each: from all of them to none.

    floor(tokens cos(pi k / 2 steps)) after step k, and less where no token would be decoded; with more steps than
    tokens the last steps decode none.

    References
    ----------
    Chang et al., MaskGIT, CVPR 2022 (cosine).
    """
    counts = [math.floor(tokens * math.cos(math.pi * step / (2 * steps))) for step in range(steps)]
    return [max(min(count, tokens - step), 0) for step, count in enumerate(counts)] + [0]
