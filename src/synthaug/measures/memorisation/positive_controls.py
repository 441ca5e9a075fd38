"""Copies of training cines as a generator might make them, planted to see whether an audit finds them."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import rotate

#: What is done to a copy; an audit reports the share found of each as ``planted_<kind>_found``.
DISGUISES = ("noisy", "mirrored", "turned", "shifted", "tilted", "disguised")
_NOISE = 0.05  # of the intensity range
_TILT_DEG = 5.0  # as far as two scans of one patient are planned apart


def plant(cine: np.ndarray, disguise: str, random: np.random.Generator) -> np.ndarray:
    """One disguised copy.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities in [0, 1].
    disguise : str
        Of `DISGUISES`: noise of 0.05, a mirror image, a quarter turn (a half turn where the plane is not
        square), the cycle started a third later, the plane tilted by 5 degrees, or ``"disguised"``: mirrored,
        started later and noisy at once.
    random : Generator
        Of the noise.

    Returns
    -------
    ndarray, shape (t, z, y, x), float32
    """
    if disguise == "mirrored":
        cine = cine[..., ::-1]
    elif disguise == "turned":
        cine = np.rot90(cine, 1 if cine.shape[-1] == cine.shape[-2] else 2, axes=(-2, -1))
    elif disguise == "shifted":
        cine = np.roll(cine, len(cine) // 3, axis=0)
    elif disguise == "tilted":
        cine = rotate(cine, _TILT_DEG, axes=(-2, -1), reshape=False, order=1, mode="nearest")
    elif disguise == "disguised":
        cine = np.roll(cine, len(cine) // 3, axis=0)[..., ::-1]
    if disguise in ("noisy", "disguised"):
        cine = (cine + _NOISE * random.standard_normal(cine.shape)).clip(0, 1)
    return np.ascontiguousarray(cine, dtype=np.float32)
