"""Slices of a stack that do not lie where their neighbours do, because each was taken in another breath-hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter

from synthaug.data.findings import Finding
from synthaug.data.orientation import OrientedCine
from synthaug.data.resampling import move_slices
from synthaug.views import OTHER

#: A slice this far from where its neighbours are is reported.
REPORTED_MM = 3.0
#: Standard deviation of the window around the heart that slices are compared in, and where it is cut off.
_WINDOW_MM, _CUT_OFF = 34.0, 2.2
#: Largest displacement of one slice against the next that is looked for.
_REACH_MM = 8.0
_NOISE_MM = 1.5
#: Standard deviation of a slice's displacement, and of the comparison of two slices.
_PRIOR_MM, _COMPARISON_MM = 1.5, 1.5
#: Comparisons further off than this many standard deviations count less (Huber).
_ROBUST = 1.5
#: Degree of the course that a heart's own centre takes along the stack.
_COURSE = 2


@dataclass(frozen=True)
class SliceAlignment:
    """How far the slices of a stack are displaced, and what was done about it.

    Attributes
    ----------
    spread_mm : float or None
        Root mean square of the slices' displacements in the plane; None for stacks too short to tell, and of another organ.
    moved : tuple of pairs of int
        Pixels (y, x) by which each slice was displaced and has been moved back; empty where none was moved.
    findings : list of Finding
        Slices displaced by more than `REPORTED_MM`.
    """

    spread_mm: float | None
    moved: tuple[tuple[int, int], ...]
    findings: list[Finding]


def align_slices(
    oriented: OrientedCine, centre: tuple[float, float], action: Literal["measure", "correct"]
) -> tuple[OrientedCine, SliceAlignment]:
    """Measure how far the slices are displaced and, if asked for, move them back by whole pixels.

    Whole pixels interpolate nothing, and the way back to the patient's own grid undoes them exactly.

    Parameters
    ----------
    oriented : OrientedCine
        From `orient_cine`.
    centre : tuple of 2 floats
        Centre (y, x) of the heart in pixels.
    action : {"measure", "correct"}
        Whether slices are moved, those of the images and of the labels alike.
    """
    pixel_mm = np.asarray(oriented.spacing_mm[1:], float)
    is_heart = oriented.view != OTHER
    shifts = slice_shifts(oriented.cine, oriented.spacing_mm, centre) if is_heart else None
    if shifts is None:
        return oriented, SliceAlignment(None, (), [])
    distance = np.hypot(*(shifts * pixel_mm).T)
    whole = np.round(shifts).astype(int)
    correct = action == "correct" and bool(whole.any())
    far = np.flatnonzero(distance > REPORTED_MM)
    findings = []
    if len(far):
        listed = ", ".join(f"{slice_ + 1} by {distance[slice_]:.1f} mm" for slice_ in far)
        problem = f"slices displaced against their neighbours, counted from the base: {listed}"
        findings.append(
            Finding("slices-moved", problem, "moved back by whole pixels")
            if correct
            else Finding("slices-displaced", problem, "kept as they are")
        )
    spread_mm = float(np.sqrt((distance**2).mean()))
    if not correct:
        return oriented, SliceAlignment(spread_mm, (), findings)
    moved = tuple((int(y), int(x)) for y, x in whole)
    labels = {frame: move_slices(volume, moved) for frame, volume in oriented.labels.items()}
    aligned = replace(oriented, cine=move_slices(oriented.cine, moved), labels=labels)
    return aligned, SliceAlignment(spread_mm, moved, findings)


def slice_shifts(
    cine: np.ndarray, spacing_mm: Sequence[float], centre: tuple[float, float]
) -> np.ndarray | None:
    """Displacement (y, x) of each slice in the plane against the smooth course of the stack.

    The mean of all frames is compared from slice to slice by its correlation within a window around the heart. A heart's own
    centre moves along the stack, too, but smoothly: a parabola per axis is fitted together with the displacements, which
    are what it leaves. Displacements are expected to be small (standard deviation 1.5 mm), so that a comparison which
    contradicts its neighbours moves little; therefore they are underestimated, by about a third (docs/benchmarks.md).

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities in any unit.
    spacing_mm : sequence of 3 floats
        Voxel size (z, y, x).
    centre : tuple of 2 floats
        Centre (y, x) of the heart in pixels.

    Returns
    -------
    ndarray, shape (z, 2), or None
        In pixels (y, x): what slice `k` shows lies this much further along the axes. None for stacks of fewer than 5 slices,
        of which no parabola tells anything.

    References
    ----------
    Padfield, IEEE TIP 21(5), 2012 (normalised correlation within a window).
    """
    n_slices = cine.shape[1]
    if n_slices < _COURSE + 3:
        return None
    pixel_mm = np.asarray(spacing_mm[1:], float)
    reach = np.ceil(_REACH_MM / pixel_mm).astype(int)
    low = [max(int(c - _CUT_OFF * _WINDOW_MM / mm), 0) for c, mm in zip(centre, pixel_mm, strict=True)]
    high = [int(c + _CUT_OFF * _WINDOW_MM / mm) + 1 for c, mm in zip(centre, pixel_mm, strict=True)]
    mean = cine[:, :, low[0] : high[0], low[1] : high[1]].mean(axis=0, dtype=np.float32)
    mean /= max(float(np.abs(mean).max()), 1e-30)  # squares of intensities would cost digits
    image = gaussian_filter(mean, (0, *(_NOISE_MM / pixel_mm)))
    y, x = np.ogrid[: image.shape[1], : image.shape[2]]
    squared = ((y + low[0] - centre[0]) * pixel_mm[0]) ** 2 + ((x + low[1] - centre[1]) * pixel_mm[1]) ** 2
    window = np.exp(-squared / (2 * _WINDOW_MM**2)).astype(np.float32)
    scores = _correlations(image, window / window.sum(), (int(reach[0]), int(reach[1])))
    found = (np.array([_peak(score) for score in scores]) - reach) * pixel_mm
    return _displacements(found) / pixel_mm


def _correlations(image: np.ndarray, weight: np.ndarray, reach: tuple[int, int]) -> np.ndarray:
    """Weighted correlation of each slice (z, y, x) with the next one, moved by up to `reach` pixels along (y, x) either way.

    Returns an array of shape (z - 1, 2 reach_y + 1, 2 reach_x + 1).
    """
    padded = np.pad(image, ((0, 0), *((most, most) for most in reach)), mode="edge")
    shape = [fft.next_fast_len(size, real=True) for size in padded.shape[1:]]
    pixels, squares = fft.rfft2(padded, shape), fft.rfft2(padded**2, shape)

    def at_offsets(template: np.ndarray, spectra: np.ndarray) -> np.ndarray:
        """Sum of template(p) image(p + offset) for each offset."""
        product = np.conj(fft.rfft2(template, shape)) * spectra
        return fft.irfft2(product, shape)[:, : 2 * reach[0] + 1, : 2 * reach[1] + 1]

    centred = image - (weight * image).sum(axis=(1, 2), keepdims=True)
    spread = np.sqrt((weight * centred**2).sum(axis=(1, 2)))[:-1, None, None]
    mean = at_offsets(weight[None], pixels[1:])
    variance = np.maximum(at_offsets(weight[None], squares[1:]) - mean**2, 0)
    scale = spread * np.sqrt(variance)
    # A slice without contrast correlates with nothing: its scores are 0, which says that it lies as it should.
    return at_offsets(weight * centred[:-1], pixels[1:]) / np.maximum(scale, 1e-6)


def _peak(score: np.ndarray) -> np.ndarray:
    """Place (y, x) of the largest value, along each axis by a parabola through it and its neighbours."""
    middle = [size // 2 for size in score.shape]
    if np.ptp(score) < 1e-3:
        return np.array(middle, float)
    top = np.unravel_index(score.argmax(), score.shape)
    place = np.array(top, float)
    for axis, line in enumerate((score[:, top[1]], score[top[0]])):
        at = int(top[axis])
        if 0 < at < len(line) - 1:
            bend = line[at - 1] - 2 * line[at] + line[at + 1]
            place[axis] += (line[at - 1] - line[at + 1]) / (2 * bend) if bend < 0 else 0
    return place


def _displacements(found: np.ndarray) -> np.ndarray:
    """Displacements (z, 2) of the slices that explain those from each slice to the next, (z - 1, 2), beside a parabola."""
    n_slices = len(found) + 1
    place = np.linspace(-1, 1, n_slices)
    course = np.stack([place**degree for degree in range(1, _COURSE + 1)], axis=1)
    compared = np.diff(np.concatenate([np.eye(n_slices), course], axis=1), axis=0)
    prior = np.diag([(_COMPARISON_MM / _PRIOR_MM) ** 2] * n_slices + [1e-6] * _COURSE)
    shifts = np.zeros((n_slices, 2))
    for axis in range(2):
        weight = np.ones(len(found))
        for _ in range(10):
            normal = compared.T @ (weight[:, None] * compared) + prior
            solution = np.linalg.solve(normal, compared.T @ (weight * found[:, axis]))
            off = np.abs(compared @ solution - found[:, axis]) / _COMPARISON_MM
            weight = np.minimum(1, _ROBUST / np.maximum(off, 1e-9))
        shifts[:, axis] = solution[:n_slices]
    return shifts
