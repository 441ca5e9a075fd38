"""Random in-plane geometry of training cines."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from synthaug.config.geometry import GeometrySettings


@dataclass(frozen=True)
class Geometry:
    """One in-plane similarity transform.

    Attributes
    ----------
    shift : tuple of 2 floats
        Shift along y and x, in voxels.
    rotation : float
        Radians.
    scale : float
        Enlargement of the heart; volumes become `scale` squared times what they were.
    """

    shift: tuple[float, float] = (0.0, 0.0)
    rotation: float = 0.0
    scale: float = 1.0

    @classmethod
    def draw(cls, settings: GeometrySettings, generator: torch.Generator) -> Geometry:
        """A random transform within the settings' limits."""
        y, x, turn, growth = (2 * torch.rand(4, generator=generator) - 1).tolist()
        return cls(
            (y * settings.shift_voxels, x * settings.shift_voxels),
            turn * math.radians(settings.rotation_degrees),
            1 + growth * settings.scale,
        )

    def matrix(self, y: int, x: int) -> Tensor:
        """Where each output pixel is read from in the input, (2, 3), of columns and rows in [-1, 1] of a plane (y, x)."""
        cosine, sine = math.cos(self.rotation) / self.scale, math.sin(self.rotation) / self.scale
        return torch.tensor(
            [
                [cosine, -sine * y / x, -2 * self.shift[1] / x],
                [sine * x / y, cosine, -2 * self.shift[0] / y],
            ]
        )

    def apply(self, volume: Tensor, labels: bool = False) -> Tensor:
        """Transform (..., y, x), mirrored at the border; labels take the nearest voxel's."""
        *outer, y, x = volume.shape
        matrix = self.matrix(y, x).to(volume.device)
        moved = move(volume.reshape(1, -1, y, x).float(), matrix[None], "nearest" if labels else "bilinear")
        return moved.reshape(*outer, y, x).to(volume.dtype)


def move(volumes: Tensor, matrices: Tensor, mode: str = "bilinear") -> Tensor:
    """Planes (b, n, y, x), each moved by its own matrix (b, 2, 3) of `Geometry.matrix`, mirrored at the border."""
    grid = functional.affine_grid(
        matrices, [len(volumes), 1, *map(int, volumes.shape[-2:])], align_corners=False
    )
    return functional.grid_sample(volumes, grid, mode=mode, padding_mode="reflection", align_corners=False)
