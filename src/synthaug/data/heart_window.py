"""The window of the common voxel grid in which a cine is sampled: around the heart, in whole voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from synthaug.config.data import Interpolation
from synthaug.data.findings import Finding
from synthaug.data.heart_localisation import centre_of_motion
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
    weights, label_weights : tuple of 3 csr_array
        For axes (z, y, x) of images and of labels; see `synthaug.data.resampling.axis_weights`.
    inside : ndarray, shape (y, x), bool
        Where the window shows what was imaged; elsewhere images and labels are 0.
    origin, step : tuple of 3 floats
        Voxel `k` of the common grid along an axis (z, y, x) lies at index ``origin + k * step`` of the cine.
    findings : list of Finding
        What the window had to pad.
    """

    weights: tuple[csr_array, csr_array, csr_array]
    label_weights: tuple[csr_array, csr_array, csr_array]
    inside: np.ndarray
    origin: tuple[float, float, float]
    step: tuple[float, float, float]
    findings: list[Finding]


def heart_window(
    cine: np.ndarray,
    spacing_mm: Sequence[float],
    grid_spacing_mm: Sequence[float],
    matrix: Sequence[int],
    centre: tuple[float, float] | None = None,
    interpolation: Interpolation = "linear",
) -> HeartWindow:
    """Place the common voxel grid around a heart, by what the images of any new patient tell.

    In the plane the centre is that of the motion. Slices are the stack's own where its spacing is the grid's; where
    there are more than the matrix holds, those in the middle of the stack are taken. Reference labels have no part in
    it: a window that they place shows a segmenter where the reference is.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        In the canonical orientation.
    spacing_mm, grid_spacing_mm : sequence of 3 floats
        Voxel size (z, y, x) of the cine and of the voxel grid.
    matrix : sequence of 3 ints
        Voxels (z, y, x) of the voxel grid.
    centre : tuple of 2 floats, optional
        Centre (y, x) in pixels of the cine, where it is not to be that of the motion.
    interpolation : {"linear", "cubic", "lanczos"}
        Of images in the plane. Between slices, further apart than anything that a wider kernel could know of, and of
        labels it is linear.

    Returns
    -------
    HeartWindow
    """
    findings: list[Finding] = []
    steps = [wanted / own for wanted, own in zip(grid_spacing_mm, spacing_mm, strict=True)]
    if abs(steps[0] - 1) < _SAME_SPACING:
        steps[0] = 1.0
    if centre is None:
        centre = centre_of_motion(cine, spacing_mm)
    slices = _slices(cine.shape[1], steps[0], matrix[0])
    label_weights = [axis_weights(cine.shape[1], slices, steps[0], outside=False)]
    weights = label_weights[:]
    origin, inside = [float(slices[0])], []
    for axis, sides in ((1, ("anterior", "posterior")), (2, ("right", "left"))):
        n_source = cine.shape[axis + 1]
        positions = centre[axis - 1] + (np.arange(matrix[axis]) - (matrix[axis] - 1) / 2) * steps[axis]
        label_weights.append(axis_weights(n_source, positions, steps[axis], outside=True))
        weights.append(
            label_weights[axis]
            if interpolation == "linear"
            else axis_weights(n_source, positions, steps[axis], True, interpolation)
        )
        origin.append(float(positions[0]))
        inside.append((positions >= -0.5) & (positions <= n_source - 0.5))
        short_mm = np.array([-positions[0], positions[-1] - (n_source - 1)]) * spacing_mm[axis]
        for side, missing in zip(sides, short_mm, strict=True):
            if missing > _REPORTED_PADDING_MM:
                problem = f"the field of view ends {missing:.0f} mm short on the {side} side"
                findings.append(Finding("window-padded", problem, "padded with 0"))
    return HeartWindow(
        (weights[0], weights[1], weights[2]),
        (label_weights[0], label_weights[1], label_weights[2]),
        inside[0][:, None] & inside[1][None, :],
        (origin[0], origin[1], origin[2]),
        (steps[0], steps[1], steps[2]),
        findings,
    )


def _slices(n_source: int, step: float, n_most: int) -> np.ndarray:
    """Positions of the slices to take, in slices of the stack: at most `n_most`, in its middle."""
    n_slices = min(max(1, round(n_source / step)), n_most)
    middle = (n_source - 1) / 2
    if step == 1.0:  # the stack's own slices; where one is left over, the apical one goes
        middle = (n_source - n_slices) // 2 + (n_slices - 1) / 2
    positions: np.ndarray = middle + (np.arange(n_slices) - (n_slices - 1) / 2) * step
    return positions
