"""Resampling as sparse matrices, one axis after the other; cyclic in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array

from synthaug.config.interpolations import FrameInterpolation, Interpolation
from synthaug.data.kernels import KERNELS
from synthaug.labels import STRUCTURES

#: Frames up to which a position in time is a frame of the source.
_WHOLE = 1e-6


def axis_weights(
    n_source: int, positions: np.ndarray, step: float, outside: bool, interpolation: Interpolation = "linear"
) -> csr_array:
    """Weights that sample an axis at `positions`.

    Parameters
    ----------
    n_source : int
        Samples of the axis.
    positions : ndarray, shape (n,)
        Where to sample, in indices of the source.
    step : float
        Distance between the new samples in source samples. Above 1 the kernel is widened against aliasing; see
        `synthaug.data.kernels`.
    outside : bool
        True: positions beyond the outermost voxels get no weight (0 where nothing was imaged).
        False: they repeat the outermost sample.
    interpolation : {"linear", "cubic", "lanczos"}
        Kernel.

    Returns
    -------
    csr_array, shape (n, n_source), float32
        Rows sum to 1, or to 0 outside. Sparse and single-threaded, hence the same bits on
        any number of cores.
    """
    positions = np.asarray(positions, float)
    neighbours, weights = KERNELS[interpolation](positions, step)
    kept = np.abs(weights) > 1e-9  # positions carry rounding errors; a whole voxel must stay itself
    if outside:
        kept &= ((positions >= -0.5) & (positions <= n_source - 0.5))[:, None]
    weights = np.where(kept, weights, 0)
    weights /= np.where(kept.any(axis=1), weights.sum(axis=1), 1)[:, None]
    rows = np.broadcast_to(np.arange(len(positions))[:, None], kept.shape)[kept]
    columns = np.clip(neighbours[kept], 0, n_source - 1).astype(int)
    return csr_array((weights[kept].astype(np.float32), (rows, columns)), shape=(len(positions), n_source))


def apply_weights(volume: np.ndarray, weights: csr_array, axis: int) -> np.ndarray:
    """Apply `axis_weights` to one axis of an array; float32."""
    front = np.moveaxis(volume, axis, 0)
    flat = weights @ np.ascontiguousarray(front, np.float32).reshape(front.shape[0], -1)
    return np.moveaxis(flat.reshape(-1, *front.shape[1:]), 0, axis)


def resample_image(volume: np.ndarray, weights: Sequence[csr_array]) -> np.ndarray:
    """Resample the last axes of an image; `weights` belong to (z, y, x)."""
    stacks = volume.reshape(-1, *volume.shape[-3:])
    resampled = np.empty((len(stacks), *(matrix.shape[0] for matrix in weights)), np.float32)
    for stack, place in zip(stacks, resampled, strict=True):  # one at a time, so that it stays in the cache
        for axis, matrix in zip((-1, -2, -3), reversed(weights), strict=True):  # x first: it is cropped most
            stack = apply_weights(stack, matrix, axis)
        place[...] = stack
    return resampled.reshape(*volume.shape[:-3], *resampled.shape[1:])


def move_slices(volume: np.ndarray, offsets: Sequence[Sequence[int]]) -> np.ndarray:
    """Read slice `k` of an array (..., z, y, x) at `offsets[k]` pixels (y, x) further; the outermost pixels are repeated."""
    moved = np.empty_like(volume)
    n_y, n_x = volume.shape[-2:]
    for index, (y, x) in enumerate(offsets):
        rows, columns = np.clip(np.arange(n_y) + y, 0, n_y - 1), np.clip(np.arange(n_x) + x, 0, n_x - 1)
        moved[..., index, :, :] = volume[..., index, rows[:, None], columns]
    return moved


def resample_cine(cine: np.ndarray, in_time: csr_array, in_space: Sequence[csr_array]) -> np.ndarray:
    """Resample a cine (t, z, y, x) in time and space; the order, which changes nothing else, is the quicker one."""
    if in_time.shape[0] < in_time.shape[1]:
        return resample_image(apply_weights(cine, in_time, 0), in_space)
    return apply_weights(resample_image(cine, in_space), in_time, 0)


def resample_labels(labels: np.ndarray, weights: Sequence[csr_array]) -> np.ndarray:
    """Resample labels (z, y, x): each structure as an image, then the largest; uint8."""
    classes = np.stack([labels == label for label in (0, *STRUCTURES.values())]).astype(np.float32)
    return resample_image(classes, weights).argmax(axis=0).astype(np.uint8)


def beat_positions(n_source: int, n_frames: int, es_source: int | None) -> tuple[np.ndarray, int | None]:
    """Where to sample a beat that starts at ED, so that ED and ES fall on frames.

    Time is stretched on each side of ES by a constant, so that ES is sampled exactly: its
    labels and its image stay one. That moves ES by at most half a new frame, more only where
    it would meet ED. Without a known ES sampling is uniform.

    Parameters
    ----------
    n_source : int
        Frames of the cine, ED first.
    n_frames : int
        Frames wanted.
    es_source : int or None
        ES in the cine, above 0.

    Returns
    -------
    ndarray, shape (n_frames,)
        Positions in source frames, from 0 to below `n_source`.
    int or None
        The frame ES falls on.
    """
    if es_source is None:
        return np.arange(n_frames) * (n_source / n_frames), None
    es = min(max(round(es_source * n_frames / n_source), 1), n_frames - 1)
    return np.interp(np.arange(n_frames), [0, es, n_frames], [0, es_source, n_source]), es


def beat_weights(n_source: int, positions: np.ndarray, order: FrameInterpolation) -> csr_array:
    """Weights that sample a cyclic axis: the last frame leads to the first.

    No smoothing where frames become fewer: neighbouring frames show the heart in other places,
    so averaging them would blur edges that each frame has sharp.

    Parameters
    ----------
    n_source : int
        Frames of the cine.
    positions : ndarray, shape (n_frames,)
        From `beat_positions`.
    order : {"linear", "cubic"}
        Straight lines between frames, or the periodic cubic spline through them. Both keep the frames themselves.

    Returns
    -------
    csr_array, shape (n_frames, n_source), float32
        Rows sum to 1.
    """
    cycle = np.eye(n_source + 1, n_source)
    cycle[-1, 0] = 1
    if order == "cubic" and n_source > 2:
        from scipy.interpolate import CubicSpline  # half a second, which every job and every plan would pay

        spline = CubicSpline(np.arange(n_source + 1), cycle, bc_type="periodic")
        whole = np.round(positions)
        weights = spline(np.where(np.abs(positions - whole) < _WHOLE, whole, positions))
    else:
        before = np.floor(positions + 1e-9).astype(int)
        share = np.clip(positions - before, 0, 1)[:, None]
        weights = cycle[before % n_source] * (1 - share) + cycle[(before + 1) % n_source] * share
    return csr_array(np.where(np.abs(weights) > 1e-9, weights, 0).astype(np.float32))


def resample_beat(cine: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Interpolate a cyclic cine (t, ...) linearly in time; see `beat_weights`. float32."""
    return apply_weights(cine, beat_weights(len(cine), positions, "linear"), 0)


def frames_sampled_exactly(labels: Mapping[int, np.ndarray], positions: np.ndarray) -> dict[int, np.ndarray]:
    """Labels of the resampled frames that are frames of the source; others would not fit their image."""
    return {
        frame: labels[round(position)]
        for frame, position in enumerate(positions)
        if abs(position - round(position)) < _WHOLE and round(position) in labels
    }
