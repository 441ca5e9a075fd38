"""Conditioning of a network: an embedding, context tokens and control volumes, each of which may be dropped."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Conditioning:
    """What a network is conditioned on.

    Attributes
    ----------
    vector : Tensor, shape (b, size)
        Sum of the embeddings of scalars and categories.
    tokens : Tensor, shape (b, n, width), or None
        Context tokens, for cross-attention.
    token_mask : Tensor of bool, shape (b, n), or None
        True where a token exists; at least one of each sample does.
    control : Tensor, shape (b, c + 1, ...), or None
        Control volumes, such as masks one-hot; the last channel is 1 where they are given, and all are 0 elsewhere.
    """

    vector: Tensor
    tokens: Tensor | None = None
    token_mask: Tensor | None = None
    control: Tensor | None = None


@dataclass(frozen=True)
class Kept:
    """Which parts of the conditioning of each sample are not replaced by their nulls.

    Attributes
    ----------
    values : Tensor of bool, shape (b, names)
        Scalars and categories, each by itself.
    tokens, control : Tensor of bool, shape (b,)
    """

    values: Tensor
    tokens: Tensor
    control: Tensor

    @classmethod
    def whole(cls, samples: Tensor, names: int) -> Kept:
        """Every part of some samples, (b,) bool, and no part of the others."""
        return cls(samples[:, None].expand(-1, names), samples, samples)

    def to(self, device: torch.device) -> Kept:
        """The same, drawn on the host, on a device: nothing waits for the copy."""
        values, tokens, control = (
            part.to(device, non_blocking=True) for part in (self.values, self.tokens, self.control)
        )
        return Kept(values, tokens, control)


@dataclass(frozen=True)
class Dropout:
    """Chances, in training, that a part of the conditioning is replaced by its null.

    Attributes
    ----------
    each : float
        One scalar or category, each by itself.
    every : float
        Everything at once, for classifier-free guidance (Ho and Salimans, 2022).
    tokens, control : float
        All tokens; the control volumes.
    """

    each: float = 0.0
    every: float = 0.0
    tokens: float = 0.0
    control: float = 0.0

    def draw(self, count: int, names: int, generator: torch.Generator) -> Kept:
        """Draw what a batch keeps; tokens and control take a draw only where they may be dropped by themselves."""
        each = torch.rand(count, names, generator=generator) >= self.each
        every = torch.rand(count, 1, generator=generator) >= self.every
        tokens, control = (
            every[:, 0] & (torch.rand(count, generator=generator) >= chance) if chance else every[:, 0]
            for chance in (self.tokens, self.control)
        )
        return Kept(each & every, tokens, control)
