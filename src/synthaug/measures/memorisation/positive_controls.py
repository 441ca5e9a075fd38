"""Positive controls of an audit: transformed copies of training cines, which it should find."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import rotate

#: Transforms of a copy; an audit reports the proportion found of each as ``positive_control_<transform>_found``.
TRANSFORMS = ("noisy", "mirrored", "turned", "shifted", "tilted", "disguised")
_NOISE = 0.05  # of the intensity range
_TILT_DEG = 5.0  # as far as two scans of one patient are planned apart


def transform_copy(cine: np.ndarray, transform: str, random: np.random.Generator) -> np.ndarray:
    """Copy of a cine after one transform.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities in [0, 1].
    transform : str
        Of `TRANSFORMS`: noise of 0.05, a mirror image, a quarter turn (a half turn where the plane is not
        square), the cycle started a third later, the plane tilted by 5 degrees, or ``"disguised"``: mirrored,
        started later and noisy at once.
    random : Generator
        Of the noise.

    Returns
    -------
    ndarray, shape (t, z, y, x), float32
    """
    if transform == "mirrored":
        cine = cine[..., ::-1]
    elif transform == "turned":
        cine = np.rot90(cine, 1 if cine.shape[-1] == cine.shape[-2] else 2, axes=(-2, -1))
    elif transform == "shifted":
        cine = np.roll(cine, len(cine) // 3, axis=0)
    elif transform == "tilted":
        cine = rotate(cine, _TILT_DEG, axes=(-2, -1), reshape=False, order=1, mode="nearest")
    elif transform == "disguised":
        cine = np.roll(cine, len(cine) // 3, axis=0)[..., ::-1]
    if transform in ("noisy", "disguised"):
        cine = (cine + _NOISE * random.standard_normal(cine.shape)).clip(0, 1)
    return np.ascontiguousarray(cine, dtype=np.float32)
