"""Kernels of interpolation along one axis, wider where the new samples lie further apart than the old ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from synthaug.config.interpolations import Interpolation


def _linear(positions: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """The linear interpolant, averaged over a stretch of sqrt(2 (step^2 - 1)) around each position where `step` is above 1.

    The variance of that kernel is that of a linear one `step` times as wide, and straight lines stay straight.
    """
    stretch = float(np.sqrt(2 * max(step**2 - 1, 0.0)))
    neighbours = _neighbours(positions, 1 + stretch / 2)
    offset = positions[:, None] - neighbours
    if stretch == 0:
        return neighbours, np.maximum(0.0, 1 - np.abs(offset))

    def integral(u: np.ndarray) -> np.ndarray:
        u = np.clip(u, -1, 1)
        return np.where(u < 0, (u + 1) ** 2 / 2, 1 - (1 - u) ** 2 / 2)

    return neighbours, (integral(offset + stretch / 2) - integral(offset - stretch / 2)) / stretch


def _widened(
    positions: np.ndarray, step: float, kernel: Callable[[np.ndarray], np.ndarray], support: float
) -> tuple[np.ndarray, np.ndarray]:
    """A kernel `step` times as wide where `step` is above 1, corrected so that parabolas stay what they are.

    A widened kernel that is sampled at whole voxels neither sums to 1 nor keeps lines. To its values k(u) the least
    polynomial |k(u)| (a + b u + c u^2) is added that makes the moments of order 0, 1 and 2 those of the position itself.
    """
    scale = max(step, 1.0)
    neighbours = _neighbours(positions, support * scale)
    offset = (neighbours - positions[:, None]) / scale
    values = np.where(np.abs(offset) < support, kernel(np.abs(offset)), 0) / scale
    powers = np.stack([np.ones_like(offset), offset, offset**2], axis=-1)  # (position, neighbour, power)
    wanted = np.array([1.0, 0, 0]) - np.einsum("pn,pni->pi", values, powers)
    # A position on a voxel has one neighbour with a value; its moments are right already, the least norm keeps them so.
    moments = np.einsum("pn,pni,pnj->pij", np.abs(values), powers, powers)
    factors = np.einsum("pij,pj->pi", np.linalg.pinv(moments, hermitian=True), wanted)
    return neighbours, values + np.abs(values) * np.einsum("pni,pi->pn", powers, factors)


def _neighbours(positions: np.ndarray, reach: float) -> np.ndarray:
    """Whole indices within `reach` of each position, shape (positions, neighbours), as floats."""
    first: np.ndarray = np.ceil(positions - reach)
    return first[:, None] + np.arange(int(2 * reach) + 1)


def _cubic(u: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution with a = -1/2, which interpolates parabolas exactly."""
    near = 1 - 2.5 * u**2 + 1.5 * u**3
    far = 2 - 4 * u + 2.5 * u**2 - 0.5 * u**3
    return np.where(u < 1, near, far)


def _lanczos(u: np.ndarray) -> np.ndarray:
    """A sine cardinal within a wider one, three lobes."""
    return np.sinc(u) * np.sinc(u / 3)


#: By name: from positions (n,) and a step to neighbours and weights, shape (n, neighbours) each.
#: Keys, IEEE Trans. Acoust. Speech Signal Process. 29(6), 1981 (cubic); Duchon, J. Appl. Meteorol. 18, 1979 (Lanczos).
KERNELS: dict[Interpolation, Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]] = {
    "linear": _linear,
    "cubic": partial(_widened, kernel=_cubic, support=2.0),
    "lanczos": partial(_widened, kernel=_lanczos, support=3.0),
}
