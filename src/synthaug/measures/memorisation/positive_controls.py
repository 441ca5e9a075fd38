"""Positive controls of an audit: transformed copies of training cines, which it should find."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from synthaug.config.geometry import GeometrySettings
from synthaug.models.geometry import Geometry

#: Transforms of a copy; an audit reports the proportion found of each as ``positive_control_<transform>_found``.
TRANSFORMS = (
    "noisy",
    "mirrored",
    "turned",
    "shifted",
    "tilted",
    "translated",
    "rotated",
    "moved",
    "disguised",
)
#: The transform whose copies set the threshold of a copy: another scan of the same heart.
RESCAN = "disguised"
_NOISE = 0.05  # of the intensity range
_TILT_DEG = 5.0  # as far as two scans of one patient are planned apart
_TURN_DEG = 20.0
_GAMMA = 0.25  # largest change of the exponent of the intensities
_COARSER = 1.25  # largest voxel of a resampled copy, in voxels


def movement_limits(augmentations: Iterable[Mapping[str, Any]] = ()) -> GeometrySettings:
    """The largest movement of a copy: by the models' augmentation, at least 3 voxels and 20 degrees.

    Parameters
    ----------
    augmentations : iterable of mapping
        Augmentation of each model of the study: shift_voxels, rotation_degrees, scale.
    """
    given = [GeometrySettings.model_validate(one) for one in augmentations]
    return GeometrySettings(
        shift_voxels=max([3.0, *(one.shift_voxels for one in given)]),
        rotation_degrees=max([_TURN_DEG, *(one.rotation_degrees for one in given)]),
        scale=max([0.0, *(one.scale for one in given)]) if given else GeometrySettings().scale,
    )


def transform_copy(
    cine: np.ndarray, transform: str, random: np.random.Generator, limits: GeometrySettings | None = None
) -> np.ndarray:
    """Copy of a cine after one transform.

    Parameters
    ----------
    cine : ndarray, shape (t, z, y, x)
        Intensities in [0, 1].
    transform : str
        Of `TRANSFORMS`: noise of 0.05; a mirror image; a quarter turn (a half turn where the plane is not
        square); the cycle started a third later; the plane tilted by 5 degrees; translated along both axes by the
        largest shift; rotated by 20 degrees; moved (shift, rotation and scale at random within the limits); or
        ``"disguised"``: another scan, which is all at once, mirrored or not, with another contrast and resampled from
        voxels larger by up to a quarter.
    random : Generator
        Of noise, signs, movement and contrast.
    limits : GeometrySettings, optional
        Largest movement; by default that of `movement_limits`.

    Returns
    -------
    ndarray, shape (t, z, y, x), float32
    """
    limits = limits or movement_limits()
    shift, angle = limits.shift_voxels, float(np.deg2rad(limits.rotation_degrees))
    sign = random.choice([-1.0, 1.0], 3).tolist()
    if transform == "turned":
        cine = np.rot90(cine, 1 if cine.shape[-1] == cine.shape[-2] else 2, axes=(-2, -1))
    if transform == "mirrored" or (transform == RESCAN and sign[2] > 0):
        cine = cine[..., ::-1]
    if transform in ("shifted", RESCAN):
        cine = np.roll(cine, len(cine) // 3, axis=0)
    if transform == "tilted":
        cine = _moved(cine, Geometry(rotation=sign[0] * float(np.deg2rad(_TILT_DEG))))
    elif transform == "translated":
        cine = _moved(cine, Geometry(shift=(sign[0] * shift, sign[1] * shift)))
    elif transform == "rotated":
        cine = _moved(cine, Geometry(rotation=sign[0] * float(np.deg2rad(_TURN_DEG))))
    elif transform in ("moved", RESCAN):
        y, x, turn, growth = random.uniform(-1, 1, 4).tolist()
        cine = _moved(cine, Geometry((y * shift, x * shift), turn * angle, 1 + growth * limits.scale))
    if transform == RESCAN:
        cine = _resampled(cine, random.uniform(1, _COARSER))
        cine = cine.clip(0, 1) ** (1 + _GAMMA * random.uniform(-1, 1))
    if transform in ("noisy", RESCAN):
        cine = (cine + _NOISE * random.standard_normal(cine.shape)).clip(0, 1)
    return np.ascontiguousarray(cine, dtype=np.float32)


def _moved(cine: np.ndarray, geometry: Geometry) -> np.ndarray:
    return np.asarray(geometry.apply(torch.from_numpy(np.ascontiguousarray(cine))))


def _resampled(cine: np.ndarray, factor: float) -> np.ndarray:
    """The cine after voxels larger by this factor in the plane."""
    image = torch.from_numpy(np.ascontiguousarray(cine))
    side = [max(1, round(length / factor)) for length in cine.shape[-2:]]
    coarse = functional.interpolate(image, side, mode="bilinear", antialias=True)
    return np.asarray(functional.interpolate(coarse, list(cine.shape[-2:]), mode="bilinear"))
