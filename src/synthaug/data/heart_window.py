"""The window of the common voxel grid in which a cine is sampled: around the heart, in whole voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from synthaug.data.heart_localisation import centre_of_labels, centre_of_motion
from synthaug.data.resampling import axis_weights

#: Relative difference up to which a slice distance is the grid's, and slices are taken as they are.
_SAME_SPACING = 1e-3
#: Padding below this is rounding, not a heart at the border of the image.
_REPORTED_PADDING_MM = 2.0


@dataclass(frozen=True)
class HeartWindow:
    """How to sample a cine on the common voxel grid.

    Attributes
    ----------
    weights : tuple of 3 csr_array
        For axes (z, y, x); see `synthaug.data.resampling.axis_weights`.
    inside : ndarray, shape (y, x), bool
        Where the window shows what was imaged; elsewhere images and labels are 0.
    findings : list of str
        What the window leaves out or had to pad.
    """

    weights: tuple[csr_array, csr_array, csr_array]
    inside: np.ndarray
    findings: list[str]


def heart_window(
    cine: np.ndarray,
    labels: Mapping[int, np.ndarray],
    spacing_mm: Sequence[float],
    grid_spacing_mm: Sequence[float],
    matrix: Sequence[int],
    centre: tuple[float, float] | None = None,
) -> HeartWindow:
    """Place the common voxel grid around a heart.

    In the plane the centre is that of the labels, without labels that of the motion. Slices
    are the stack's own where its spacing is the grid's; where there are more than the matrix
    holds, those around the middle of the labelled ones (or of the stack) are taken.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        In the canonical orientation.
    labels : mapping of int to ndarray, shape (z, y, x)
        Its canonical labels.
    spacing_mm, grid_spacing_mm : sequence of 3 floats
        Voxel size (z, y, x) of the cine and of the voxel grid.
    matrix : sequence of 3 ints
        Voxels (z, y, x) of the voxel grid.
    centre : tuple of 2 floats, optional
        Centre (y, x) in pixels of the cine, where it is not to be that of the heart.

    Returns
    -------
    HeartWindow
    """
    findings: list[str] = []
    steps = [wanted / own for wanted, own in zip(grid_spacing_mm, spacing_mm, strict=True)]
    labelled = (
        np.any([volume > 0 for volume in labels.values()], axis=0) if labels else np.zeros(cine.shape[1:])
    )
    if centre is None and labelled.any():
        centre = centre_of_labels(labels, (matrix[1] * steps[1], matrix[2] * steps[2]))
    elif centre is None:
        centre = centre_of_motion(cine, spacing_mm)
    z = _slices(labelled, steps[0], matrix[0], findings)
    in_plane, inside = [], []
    for axis, sides in ((1, ("anterior", "posterior")), (2, ("right", "left"))):
        n_source = cine.shape[axis + 1]
        positions = centre[axis - 1] + (np.arange(matrix[axis]) - (matrix[axis] - 1) / 2) * steps[axis]
        in_plane.append(axis_weights(n_source, positions, steps[axis], outside=True))
        inside.append((positions >= -0.5) & (positions <= n_source - 0.5))
        short_mm = np.array([-positions[0], positions[-1] - (n_source - 1)]) * spacing_mm[axis]
        for side, missing in zip(sides, short_mm, strict=True):
            if missing > _REPORTED_PADDING_MM:
                findings.append(
                    f"the field of view ends {missing:.0f} mm short on the {side} side; padded with 0"
                )
        extent = np.flatnonzero(labelled.any(axis=(0, 3 - axis)))
        heart_mm = (np.ptp(extent) + 1 if len(extent) else 0) * spacing_mm[axis]
        larger_mm = heart_mm - matrix[axis] * grid_spacing_mm[axis]
        if larger_mm > spacing_mm[axis]:
            findings.append(
                f"the heart is {larger_mm:.0f} mm too large for the matrix, {sides[0]} to {sides[1]}; cut"
            )
    return HeartWindow((z, in_plane[0], in_plane[1]), inside[0][:, None] & inside[1][None, :], findings)


def _slices(labelled: np.ndarray, step: float, n_most: int, findings: list[str]) -> csr_array:
    n_source = len(labelled)
    if abs(step - 1) < _SAME_SPACING:
        step = 1.0
    n_stack = max(1, round(n_source / step))
    stack = (n_source - 1) / 2 + (np.arange(n_stack) - (n_stack - 1) / 2) * step
    extent = np.flatnonzero(labelled.any(axis=(1, 2)))
    middle = (extent[0] + extent[-1]) / 2 if len(extent) else (n_source - 1) / 2
    n_slices = min(n_stack, n_most)
    first = round(np.interp(middle, stack, np.arange(n_stack)) - (n_slices - 1) / 2)
    first = min(max(first, 0), n_stack - n_slices)
    positions = stack[first : first + n_slices]
    left_out = np.sum((extent < positions[0] - step / 2) | (extent > positions[-1] + step / 2))
    if left_out:
        findings.append(
            f"{left_out} labelled slices are beyond the {n_most} of the matrix; they were left out"
        )
    return axis_weights(n_source, positions, step, outside=False)
