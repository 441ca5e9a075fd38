"""One labelled phase of a heart, ED or ES, and what is asked of it more than once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthaug.labels import STRUCTURES
from synthaug.metrics.short_axis_rays import ShortAxisRays, cast_rays
from synthaug.metrics.volumes import cut_structures, structure_volume_ml

#: Largest cavity area in the stack's last slice, relative to the largest of all, at which the apex counts as imaged:
#: half an ellipsoid of eight slices has a tenth in its last.
OPEN_APEX = 0.25


@dataclass(frozen=True)
class Phase:
    """Labels of one phase.

    Attributes
    ----------
    labels : ndarray, shape (z, y, x)
        Canonical labels in canonical orientation.
    spacing_mm : tuple of 3 floats
        Distance between voxel centres (z, y, x).
    """

    labels: np.ndarray
    spacing_mm: Sequence[float]

    @cached_property
    def rays(self) -> ShortAxisRays:
        """Rays through the wall of every slice with cavity and myocardium."""
        return cast_rays(self.labels, self.spacing_mm)

    def is_absent(self, structure: str) -> bool:
        """Whether no voxel has the structure."""
        return not (self.labels == STRUCTURES[structure]).any()

    def is_cut(self, structure: str) -> bool:
        """Whether the structure touches the border of the image in the plane: part of it may lie outside."""
        return structure in self._cut

    def is_open_at_apex(self, structure: str) -> bool:
        """Whether the stack ends inside of the structure."""
        areas = self._counts(STRUCTURES[structure])
        return bool(areas[-1] > OPEN_APEX * areas.max())

    def is_whole(self, structure: str) -> bool:
        """Whether the structure is there and not cut by the image."""
        return not self.is_absent(structure) and not self.is_cut(structure)

    def volume_ml(self, structure: str) -> float:
        """Volume of a structure; NaN where the image cuts it, 0 where it is absent."""
        if self.is_cut(structure):
            return float("nan")
        return structure_volume_ml(self.labels, structure, self.spacing_mm)

    def length_mm(self, structure: str) -> float:
        """Slices from the first to the last with the structure, times their distance; NaN where the image or the stack cuts it."""
        if not self.is_whole(structure) or self.is_open_at_apex(structure):
            return float("nan")
        slices = np.flatnonzero(self._counts(STRUCTURES[structure]))
        return float(slices[-1] - slices[0] + 1) * self.spacing_mm[0]

    def areas_mm2(self, structure: str, third: int) -> np.ndarray:
        """Area of a structure in each slice of a third of the LV; NaN where it is absent from the heart or cut."""
        slices = self.rays.slices[self.rays.third == third]
        if not self.is_whole(structure):
            return np.full(len(slices), np.nan)
        return self._counts(STRUCTURES[structure])[slices] * self.spacing_mm[1] * self.spacing_mm[2]

    def epicardial_areas_mm2(self, third: int) -> np.ndarray:
        """Area of cavity and myocardium together, likewise."""
        return self.areas_mm2("LV", third) + self.areas_mm2("MYO", third)

    @cached_property
    def _cut(self) -> tuple[str, ...]:
        return cut_structures(self.labels)

    def _counts(self, label: int) -> np.ndarray:
        return (self.labels == label).sum((1, 2))


def mean_or_nan(values: np.ndarray) -> float:
    """Mean of values; NaN where one is unknown or there is none."""
    return float(np.mean(values)) if len(values) else float("nan")


def ratio(numerator: float, denominator: float) -> float:
    """Quotient; NaN where the denominator is unknown or not positive."""
    return numerator / denominator if denominator > 0 else float("nan")
