"""Labels and single frames of a subject on the voxels of its cine, by both headers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthaug.data.findings import Finding, SubjectError
from synthaug.data.nifti import NiftiImage
from synthaug.data.voxel_size import is_lost

if TYPE_CHECKING:
    from synthaug.data.readers.base import RawCine

#: Voxels by which two grids may differ: by rounding; by so much that it is said. Beyond, they are two grids.
_ROUNDING, _SAME_GRID = 0.1, 0.5


def on_cine_grid(read: NiftiImage, cine: RawCine, file: Path, subject: str) -> np.ndarray:
    """Bring the voxels of another file of the subject to the order of the cine's.

    Programs store one image in several orders, and say so in the affine: axes may be exchanged and reversed. Where
    either header has no affine or lost its voxel size, the stored order is all there is.

    Parameters
    ----------
    read : NiftiImage
        Labels or a frame, 3D or 4D.
    cine : RawCine
        Gains a finding where the voxels were brought to another order, or lie a little beside the cine's.
    file, subject : Path, str
        For the error.

    Returns
    -------
    ndarray, shape (x, y, z) or (x, y, z, t)

    Raises
    ------
    SubjectError
        The affines put the voxels more than half a voxel from those of the cine.
    """
    lost = (
        not (read.oriented and cine.oriented)
        or is_lost(read.voxel_size_mm)
        or is_lost(cine.told_sizes.get("pixdim", cine.voxel_size_mm))
    )
    if lost:
        return read.array
    to_cine = _inverse(cine.affine)
    if to_cine is None:
        return read.array
    mapping = to_cine @ read.affine
    axes = [int(np.argmax(np.abs(mapping[:3, axis]))) for axis in range(3)]
    if sorted(axes) != [0, 1, 2] or not np.isfinite(mapping).all():
        raise _displaced(subject, file, "their axes are not those of the cine")
    # axes[k] is the cine's axis along which the file's axis k runs.
    order = [axes.index(axis) for axis in range(3)]
    flips = [mapping[axis, order[axis]] < 0 for axis in range(3)]
    array = read.array.transpose(*order, *range(3, read.array.ndim))
    shape = array.shape[:3]
    if shape != cine.image.shape[:3]:
        return read.array  # of another shape, which who asked for it says
    distance = _largest_distance(mapping, order, flips, read.array.shape[:3])
    if distance > _SAME_GRID:
        size = np.linalg.norm(cine.affine[:3, :3], axis=0).max()
        raise _displaced(
            subject, file, f"up to {distance:.1f} voxels ({distance * size:.0f} mm at most) apart"
        )
    if distance > _ROUNDING:
        problem = f"{file.name} lies {distance:.2f} voxels beside the cine"
        cine.findings.append(Finding("labels-beside", problem, "taken as on its grid"))
    if order != [0, 1, 2] or any(flips):
        problem = f"{file.name} stores its voxels in another orientation than the cine"
        cine.findings.append(
            Finding("labels-aligned", problem, "brought to the cine's order by both affines")
        )
    return array[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]


def _inverse(affine: np.ndarray) -> np.ndarray | None:
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        return None
    return np.asarray(np.linalg.inv(affine))


def _largest_distance(
    mapping: np.ndarray, order: list[int], flips: list[bool], shape: tuple[int, ...]
) -> float:
    """Most voxels of the cine, along one axis, between where a corner of the file lies and where its order puts it."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij"), float).reshape(3, -1)
    lies = mapping[:3, :3] @ corners + mapping[:3, 3:]
    put = np.empty_like(corners)
    for axis in range(3):
        source = order[axis]
        put[axis] = shape[source] - 1 - corners[source] if flips[axis] else corners[source]
    return float(np.abs(lies - put).max())


def _displaced(subject: str, file: Path, where: str) -> SubjectError:
    return SubjectError(
        "labels-displaced",
        subject,
        file,
        f"its affine puts it on another grid than the cine's: {where}",
        "resample it to the cine's grid, or correct its affine",
    )
