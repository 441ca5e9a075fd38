"""Linear resampling as sparse matrices, one axis after the other; cyclic in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array

from synthaug.labels import STRUCTURES


def axis_weights(n_source: int, positions: np.ndarray, step: float, outside: bool) -> csr_array:
    """Weights that sample an axis at `positions`.

    Parameters
    ----------
    n_source : int
        Samples of the axis.
    positions : ndarray, shape (n,)
        Where to sample, in indices of the source.
    step : float
        Distance between the new samples in source samples. Above 1 the linear interpolant is
        averaged over a stretch of sqrt(2 (step^2 - 1)) around each position, against aliasing. The
        variance of that kernel is that of a linear one `step` times as wide, and straight lines
        stay straight.
    outside : bool
        True: positions beyond the outermost voxels get no weight (0 where nothing was imaged).
        False: they repeat the outermost sample.

    Returns
    -------
    csr_array, shape (n, n_source), float32
        Rows sum to 1, or to 0 outside. Sparse and single-threaded, hence the same bits on
        any number of cores.
    """
    stretch = float(np.sqrt(2 * max(step**2 - 1, 0.0)))
    rows, columns, weights = [], [], []
    for row, position in enumerate(positions):
        if outside and not -0.5 <= position <= n_source - 0.5:
            continue
        reach = 1 + stretch / 2
        neighbours = np.arange(np.ceil(position - reach), np.floor(position + reach) + 1)
        weight = _mean_hat(position - neighbours, stretch)
        kept = weight > 1e-9  # positions carry rounding errors; a whole voxel must stay itself
        rows += [row] * int(kept.sum())
        columns += np.clip(neighbours[kept], 0, n_source - 1).astype(int).tolist()
        weights += (weight[kept] / weight[kept].sum()).tolist()
    return csr_array((np.asarray(weights, np.float32), (rows, columns)), shape=(len(positions), n_source))


def _mean_hat(offset: np.ndarray, stretch: float) -> np.ndarray:
    """The linear kernel max(0, 1 - |u|), averaged over `stretch` around `offset`."""
    if stretch == 0:
        return np.maximum(0.0, 1 - np.abs(offset))

    def integral(u: np.ndarray) -> np.ndarray:
        u = np.clip(u, -1, 1)
        return np.where(u < 0, (u + 1) ** 2 / 2, 1 - (1 - u) ** 2 / 2)

    return (integral(offset + stretch / 2) - integral(offset - stretch / 2)) / stretch


def apply_weights(volume: np.ndarray, weights: csr_array, axis: int) -> np.ndarray:
    """Apply `axis_weights` to one axis of an array; float32."""
    front = np.moveaxis(volume, axis, 0)
    flat = weights @ np.ascontiguousarray(front, np.float32).reshape(front.shape[0], -1)
    return np.moveaxis(flat.reshape(-1, *front.shape[1:]), 0, axis)


def resample_image(volume: np.ndarray, weights: Sequence[csr_array]) -> np.ndarray:
    """Resample the last axes of an image; `weights` belong to (z, y, x)."""
    for axis, matrix in zip((-1, -2, -3), reversed(weights), strict=True):  # x first: it is cropped most
        volume = apply_weights(volume, matrix, axis)
    return volume


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


def resample_beat(cine: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Interpolate a cyclic cine (t, ...) linearly in time: the last frame leads to the first.

    No smoothing where frames become fewer: neighbouring frames show the heart in other places,
    so averaging them would blur edges that each frame has sharp.
    """
    n_source = len(cine)
    before = np.floor(positions + 1e-9).astype(int)
    share = np.clip(positions - before, 0, 1).astype(np.float32).reshape(-1, *[1] * (cine.ndim - 1))
    return cine[before % n_source] * (1 - share) + cine[(before + 1) % n_source] * share


def frames_sampled_exactly(labels: Mapping[int, np.ndarray], positions: np.ndarray) -> dict[int, np.ndarray]:
    """Labels of the resampled frames that are frames of the source; others would not fit their image."""
    return {
        frame: labels[round(position)]
        for frame, position in enumerate(positions)
        if abs(position - round(position)) < 1e-6 and round(position) in labels
    }
