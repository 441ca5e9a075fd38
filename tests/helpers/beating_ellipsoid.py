"""A generator one can compute by hand: an ellipsoidal LV in a shell of myocardium that beats as requested."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from synthaug.data.cohort import Cohort
from synthaug.labels import LV, MYO

SPACING_MM = (10.0, 2.0, 2.0)
FRAMES, MATRIX = 10, 64

Fault = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]


def beating_heart(
    edv_ml: float = 150.0, esv_ml: float = 60.0, n_slices: int = 10, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Cine and labels (t, z, y, x): volumes fall and rise once as a cosine; ES is frame 5 of 10."""
    z, y, x = np.meshgrid(np.arange(n_slices), np.arange(MATRIX), np.arange(MATRIX), indexing="ij")
    distance_mm = [
        (axis - (length - 1) / 2) * step
        for axis, length, step in zip((z, y, x), (n_slices, MATRIX, MATRIX), SPACING_MM, strict=True)
    ]
    labels = np.zeros((FRAMES, n_slices, MATRIX, MATRIX), np.uint8)
    half_length_mm = 0.45 * n_slices * SPACING_MM[0]
    for frame in range(FRAMES):
        volume_ml = (edv_ml + esv_ml) / 2 + (edv_ml - esv_ml) / 2 * np.cos(2 * np.pi * frame / FRAMES)
        radius_mm = np.sqrt(1000 * volume_ml / (4 / 3 * np.pi * half_length_mm))
        for label, wall_mm in ((MYO, 9.0), (LV, 0.0)):
            inside = (distance_mm[0] / (half_length_mm + wall_mm)) ** 2 + (
                distance_mm[1] ** 2 + distance_mm[2] ** 2
            ) / (radius_mm + wall_mm) ** 2 <= 1
            labels[frame][inside] = label
    chest = 0.4 + 0.4 * np.cos(distance_mm[1] / 10) * np.cos(distance_mm[2] / 10)
    noise = 0.05 * np.random.default_rng(seed).standard_normal(labels.shape)
    intensity = np.choose(labels, [chest, 0.9, 0.2])
    return np.clip(intensity + noise, 0, 1).astype(np.float32), labels


class BeatingEllipsoid:
    """Samples `beating_heart` for each request; `fault` may spoil a sample, knowing its seed."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault
        self.requested: list[tuple[str, int]] = []

    def sample(self, requests: Cohort, batch_size: int = 1) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        for row in requests.table.to_dict("records"):
            self.requested.append((row["subject"], row["seed"]))
            heart = beating_heart(row["lv_edv_ml"], row["lv_esv_ml"], row["n_slices"], row["seed"])
            yield (row["subject"], *(self.fault(*heart, row["seed"]) if self.fault else heart))
