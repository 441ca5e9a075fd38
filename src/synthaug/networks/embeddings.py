"""Embeddings of diffusion time, cardiac phase and of conditions that may be unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

HARMONICS = 4  #: of the cardiac phase


def cyclic_features(phase: Tensor, harmonics: int) -> Tensor:
    """Cosines and sines of a phase of period 1: (...,) to (..., 2 harmonics)."""
    angles = 2 * math.pi * phase[..., None] * torch.arange(1, harmonics + 1, device=phase.device)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def smooth_features(values: Tensor, count: int, longest: float) -> Tensor:
    """The values, and their cosines and sines at wavelengths from `longest` down by halves."""
    angles = 2 * math.pi * values[..., None] / longest * 2.0 ** torch.arange(count, device=values.device)
    return torch.cat([values[..., None], angles.cos(), angles.sin()], dim=-1)


def slice_places(slices: Tensor) -> Tensor:
    """Place of each slice in its stack: -1 at the base, 1 at the apex, 0 where there is one slice or none.

    Parameters
    ----------
    slices : Tensor, shape (b, 1, z, 1, 1)
        1 where a slice exists, else 0.

    Returns
    -------
    Tensor, shape (b, 1, z, 1, 1)
        By number of the slice, because grids have slices at equal distances.
    """
    number = slices.cumsum(dim=2) - 1
    last = slices.sum(dim=2, keepdim=True) - 1
    return slices * torch.where(last > 0, 2 * number / last.clamp(min=1) - 1, 0.0)


def describe_stack(slices: Tensor, places: bool) -> Tensor:
    """Channels (b, 1 or 2, z, 1, 1) that tell a network its stack: which slices exist and, where asked, their `slice_places`."""
    return torch.cat([slices, slice_places(slices)], dim=1) if places else slices


class TimeEmbedding(nn.Module):
    """Embedding of the diffusion time in [0, 1]: (b,) to (b, size)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(13, size), nn.SiLU(), nn.Linear(size, size))

    def forward(self, time: Tensor) -> Tensor:
        return self.layers(smooth_features(time, 6, longest=4.0))


class PhaseEmbedding(nn.Module):
    """Embedding of the cardiac phase, 0 at ED and 1/2 at ES: (b, t) to (b, t, size)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 * HARMONICS, size), nn.SiLU(), nn.Linear(size, size))

    def forward(self, phase: Tensor) -> Tensor:
        return self.layers(cyclic_features(phase, HARMONICS))


class ConditionEmbedding(nn.Module):
    """Sum of one embedding a condition, with a learned null for each that is unknown or dropped.

    Parameters
    ----------
    continuous : sequence of str
        Names of standardised scalar conditions.
    categorical : mapping of str to int
        Number of categories of each categorical condition.
    size : int
        Length of the embedding.
    """

    def __init__(self, continuous: Sequence[str], categorical: Mapping[str, int], size: int) -> None:
        super().__init__()
        self.parts = {name: _part(name) for name in [*continuous, *categorical]}
        self.continuous = nn.ModuleDict(
            {
                self.parts[name]: nn.Sequential(nn.Linear(7, size), nn.SiLU(), nn.Linear(size, size))
                for name in continuous
            }
        )
        self.categorical = nn.ModuleDict(
            {self.parts[name]: nn.Embedding(count, size) for name, count in categorical.items()}
        )
        self.null = nn.ParameterDict(
            {part: nn.Parameter(torch.randn(size) / math.sqrt(size)) for part in self.parts.values()}
        )
        for parameter in self.categorical.parameters():
            nn.init.normal_(parameter, std=1 / math.sqrt(size))

    def forward(self, values: Mapping[str, Tensor], known: Mapping[str, Tensor]) -> Tensor:
        """Embed (b,) values of every condition as a sum (b, size); see `each`."""
        return self.each(values, known).sum(dim=0)

    def each(self, values: Mapping[str, Tensor], known: Mapping[str, Tensor]) -> Tensor:
        """One embedding a condition, sorted by name, (names, b, size); where `known` (b,) is False the value is not looked at."""
        embeddings = []
        for name, part in sorted(self.parts.items()):
            if part in self.continuous:
                # Standardised values beyond 3 or so lie outside the data; wavelength 12 keeps them apart.
                features = smooth_features(torch.where(known[name], values[name], 0.0), 3, longest=12.0)
                embedded = self.continuous[part](features)
            else:
                embedded = self.categorical[part](torch.where(known[name], values[name], 0).long())
            embeddings.append(torch.where(known[name][:, None], embedded, self.null[part]))
        return torch.stack(embeddings)


def _part(name: str) -> str:
    """What the parts of a condition are called: its name, in capitals where PyTorch has an attribute of that name, as `type`."""
    taken = hasattr(nn.ModuleDict(), name) or hasattr(nn.ParameterDict(), name)
    return name.upper() if taken else name
