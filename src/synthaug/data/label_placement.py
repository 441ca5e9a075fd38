"""How well the window of a subject holds its reference labels: a report, which moves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synthaug.data.findings import Finding
from synthaug.data.native_grid import NativeGrid
from synthaug.labels import STRUCTURES


@dataclass(frozen=True)
class LabelPlacement:
    """Where the labelled structures lie in the window.

    Attributes
    ----------
    offset_mm : float
        Distance in the plane from the centre of the window to the centre of all labelled voxels: the error of the
        localisation.
    margin_mm : float
        Least distance in the plane from the labels to the border of the window, negative where they are cut: what the
        window may still move before it loses a part of a ventricle.
    outside : float
        Share of the labelled voxels outside of the window, slices included.
    findings : list of Finding
        What is cut.
    """

    offset_mm: float
    margin_mm: float
    outside: float
    findings: list[Finding]


def place_labels(
    labels: Mapping[int, np.ndarray], grid: NativeGrid, matrix: tuple[int, int, int]
) -> LabelPlacement | None:
    """Compare a subject's labels with the window that was placed without them.

    Parameters
    ----------
    labels : mapping of int to ndarray, shape (z, y, x)
        Canonical labels on the native grid.
    grid : NativeGrid
        Where the study's grid lies on the native one.
    matrix : tuple of 3 ints
        Voxels (z, y, x) of this subject on the study's grid.

    Returns
    -------
    LabelPlacement or None
        None where nothing is labelled.
    """
    shown = np.sum([volume > 0 for volume in labels.values()], axis=0) if labels else np.zeros(grid.shape)
    if not shown.any():
        return None
    low, high = zip(*grid.extent(matrix), strict=True)
    kept = np.ones(1, bool)
    for axis in range(3):
        index = np.arange(grid.shape[axis])
        within = (index >= low[axis]) & (index <= high[axis])
        kept = kept & within.reshape([-1 if axis == other else 1 for other in range(3)])
    offsets, margins = [], []
    for axis in (1, 2):
        profile = shown.sum(axis=tuple(other for other in range(3) if other != axis))
        present = np.flatnonzero(profile)
        mean = (profile * np.arange(len(profile))).sum() / profile.sum()
        offsets.append((mean - (low[axis] + high[axis]) / 2) * grid.spacing_mm[axis])
        edges = (present[0] - 0.5 - low[axis], high[axis] - present[-1] - 0.5)
        margins.append(min(edges) * grid.spacing_mm[axis])
    findings = []
    for structure, label in STRUCTURES.items():
        voxels = np.sum([volume == label for volume in labels.values()], axis=0)
        share = float((voxels * ~kept).sum() / voxels.sum()) if voxels.any() else 0.0
        if share >= 0.005:
            problem = f"{share:.1%} of the labelled {structure} is outside of the window"
            findings.append(Finding("window-cuts", problem, "it counts as missed"))
    return LabelPlacement(
        float(np.hypot(*offsets)), float(min(margins)), float((shown * ~kept).sum() / shown.sum()), findings
    )
