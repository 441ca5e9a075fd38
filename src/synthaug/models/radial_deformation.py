"""Random radial deformation of labelled hearts: other walls and cavities than the labelled patients have."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from synthaug.config.geometry import RadialDeformationSettings
from synthaug.labels import STRUCTURES

#: Largest radius of the deformed cavity, in radii of the deformed outline: a wall is left.
_CAVITY = 0.85
#: Radius, in those of the outline, from which on nothing moves.
_REACH = 1.9
#: Pixels of cavity and of wall below which a slice stays as it is.
_LEAST = 8


@dataclass(frozen=True)
class RadialDeformation:
    """Cavity and outline of the left ventricle of every slice, enlarged about their centre.

    Attributes
    ----------
    cavity : float
        Radius of the cavity over what it was.
    outline : float
        Radius of the outer border of the myocardium over what it was.
    """

    cavity: float
    outline: float

    @classmethod
    def draw(
        cls, settings: RadialDeformationSettings, generator: torch.Generator
    ) -> RadialDeformation | None:
        """A random deformation within the settings' limits; None as often as the settings leave a heart as it is."""
        chance, cavity, outline = torch.rand(3, generator=generator).tolist()
        if chance >= settings.probability:
            return None
        return cls(
            *(
                low + place * (high - low)
                for place, (low, high) in ((cavity, settings.cavity), (outline, settings.outline))
            )
        )

    def apply(self, image: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Deform a frame (z, y, x) and its labels alike.

        Radii about the centre of the left ventricle are mapped by a polygon through those of cavity and outline; from nearly
        two outlines on everything stays. Circles stand for the borders where the map is made; what is moved are the true ones.
        Slices without cavity and wall stay as they are.
        """
        grid = torch.stack([self._grid(part) for part in labels])
        moved = functional.grid_sample(
            image[:, None].float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )
        moved_labels = functional.grid_sample(
            labels[:, None].float(), grid, mode="nearest", padding_mode="reflection", align_corners=False
        )
        return moved[:, 0].to(image.dtype), moved_labels[:, 0].to(labels.dtype)

    def _grid(self, labels: Tensor) -> Tensor:
        """Where each pixel of a slice is read from, (y, x, 2) in [-1, 1] and the order x, y."""
        size = labels.shape
        rows, columns = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in size), indexing="ij")
        cavity = labels == STRUCTURES["LV"]
        heart = cavity | (labels == STRUCTURES["MYO"])
        counted = int(cavity.sum()), int(heart.sum())
        if counted[0] >= _LEAST and counted[1] >= counted[0] + _LEAST:
            y, x = rows[heart].mean(), columns[heart].mean()
            radius = torch.hypot(rows - y, columns - x)
            stretch = self._read_at(
                radius.numpy(), *(math.sqrt(n / math.pi) for n in counted)
            ) / radius.clamp(min=1e-6)
            rows, columns = y + (rows - y) * stretch, x + (columns - x) * stretch
        return torch.stack([(2 * columns + 1) / size[1] - 1, (2 * rows + 1) / size[0] - 1], dim=-1)

    def _read_at(self, radius: np.ndarray, cavity: float, outline: float) -> Tensor:
        """Radius before the deformation of each radius after it."""
        outer = self.outline * outline
        inner = min(self.cavity * cavity, _CAVITY * outer)
        still = max(_REACH * outline, outer + 1)
        before = np.interp(radius, [0, inner, outer, still], [0, cavity, outline, still])
        return torch.from_numpy(np.where(radius > still, radius, before).astype(np.float32))
