"""Labels and single frames of a subject on the voxels of its cine, by both headers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthaug.data.findings import Finding, SubjectError
from synthaug.data.nifti import NiftiImage
from synthaug.data.voxel_size import Size, is_lost

if TYPE_CHECKING:
    from synthaug.data.readers.base import RawCine

#: Voxels by which two grids may differ: by rounding; by so much that it is said. Beyond, they are two grids.
_ROUNDING, _SAME_GRID = 0.1, 0.5
#: Mean absolute difference, as a share of the intensity range, up to which an image is a frame of the cine: the same
#: voxels, written by another program.
_SAME_IMAGE = 0.005


def on_cine_grid(read: NiftiImage, cine: RawCine, file: Path, subject: str) -> NiftiImage:
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
    NiftiImage
        Its voxels, affine and voxel size in the order of the cine's axes.

    Raises
    ------
    SubjectError
        The affines put the voxels more than half a voxel from those of the cine.
    """
    size = cine.told_sizes.get("pixdim", cine.voxel_size_mm)
    affine = cine.affine if cine.oriented and not is_lost(size) else None
    return _on_grid(read, affine, cine.image.shape[:3], cine.findings, file, subject)


def frame_of_cine(
    read: NiftiImage, cine: RawCine, file: Path, subject: str, named: int | None = None
) -> tuple[int, NiftiImage, Callable[[NiftiImage, Path], NiftiImage]]:
    """Which frame of the cine a 3D image of the subject is, and how labels of that image lie on the cine.

    Voxels are better evidence than headers: where the stored voxels are those of a frame, their affine may say what it
    will, as in ACDC, whose frames have another origin than their cine. Labels are compared with their own image.

    Parameters
    ----------
    read : NiftiImage
        The image of one frame.
    cine : RawCine
        Gains a finding where the file's name says another frame, or the voxels were brought to another order.
    file, subject : Path, str
        For the error.
    named : int, optional
        Frame that the file's name says, counted from 0.

    Returns
    -------
    int
        The frame, counted from 0.
    NiftiImage
        The image in the order of the cine's axes.
    callable
        Gives labels of this image, by their `NiftiImage` and file, in the same order.

    Raises
    ------
    SubjectError
        It is none of the cine's frames.
    """
    stored = nearest_frame(read.array, cine.image, named)
    if stored is None:
        image = on_cine_grid(read, cine, file, subject)
        stored = nearest_frame(image.array, cine.image, named)
        if stored is None:
            shapes = f"has shape {image.array.shape}, a frame of the cine has {cine.image.shape[:3]}"
            same = image.array.shape == cine.image.shape[:3]
            problem = "is no frame of the cine" if same else shapes
            remedy = "give the cine it was taken from"
            raise SubjectError("frame-image-differs", subject, file, problem, remedy)
        bring = partial(on_cine_grid, cine=cine, subject=subject)
    else:
        image = read
        affine = read.affine if read.oriented and not is_lost(read.voxel_size_mm) else None
        bring = partial(
            _on_grid, affine=affine, shape=read.array.shape[:3], findings=cine.findings, subject=subject
        )
    if named is not None and stored != named:
        problem = f"{file.name} shows frame {stored + 1} of the cine, not frame {named + 1}"
        remedy = f"its labels are taken for frame {stored + 1}"
        cine.findings.append(Finding("frame-image-moved", problem, remedy))
    return stored, image, lambda labels, place: bring(labels, file=place)


def nearest_frame(volume: np.ndarray, image: np.ndarray, named: int | None = None) -> int | None:
    """Frame of an image (x, y, z, t) that a volume is, `named` if that is one of several equal ones; None if none is."""
    if volume.shape != image.shape[:3]:
        return None
    if named is not None and 0 <= named < image.shape[3] and np.array_equal(volume, image[..., named]):
        return named
    distances = [float(np.abs(image[..., frame] - volume).mean()) for frame in range(image.shape[3])]
    frame = int(np.argmin(distances))
    if distances[frame] > _SAME_IMAGE * float(np.ptp(image)):
        return None
    if named is not None and 0 <= named < len(distances) and distances[named] <= distances[frame]:
        return named
    return frame


def _on_grid(
    read: NiftiImage,
    affine: np.ndarray | None,
    shape: tuple[int, ...],
    findings: list[Finding],
    file: Path,
    subject: str,
) -> NiftiImage:
    """A file in the order of another grid, whose affine is None where its header lost it."""
    to_grid = None if affine is None else _inverse(affine)
    if affine is None or to_grid is None or not read.oriented or is_lost(read.voxel_size_mm):
        return read
    mapping = to_grid @ read.affine
    axes = [int(np.argmax(np.abs(mapping[:3, axis]))) for axis in range(3)]
    if sorted(axes) != [0, 1, 2] or not np.isfinite(mapping).all():
        raise _displaced(subject, file, "its axes are not those of the cine")
    # axes[k] is the grid's axis along which the file's axis k runs.
    order = [axes.index(axis) for axis in range(3)]
    flips = [bool(mapping[axis, order[axis]] < 0) for axis in range(3)]
    array = read.array.transpose(*order, *range(3, read.array.ndim))
    if array.shape[:3] != shape:
        return read  # of another shape, which who asked for it says
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    apart = _largest_distances(mapping, order, flips, read.array.shape[:3])
    distance = float(apart.max())
    if distance > _SAME_GRID:
        where = f"{distance:.1f} voxels ({float((apart * sizes).max()):.0f} mm) apart"
        raise _displaced(subject, file, where)
    if distance > _ROUNDING:
        problem = f"{file.name} lies {distance:.2f} voxels beside the cine"
        findings.append(Finding("labels-beside", problem, "taken as on its grid"))
    if order != [0, 1, 2] or any(flips):
        problem = f"{file.name} stores its voxels in another orientation than the cine"
        findings.append(Finding("labels-aligned", problem, "brought to the cine's order by both affines"))
    turned = array[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
    told = read.sform_size_mm
    return replace(
        read,
        array=turned,
        affine=affine,
        voxel_size_mm=_in_order(read.voxel_size_mm, order),
        sform_size_mm=None if told is None else _in_order(told, order),
    )


def _in_order(size: Size, order: Sequence[int]) -> Size:
    x, y, z = (size[axis] for axis in order)
    return x, y, z


def _inverse(affine: np.ndarray) -> np.ndarray | None:
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        return None
    return np.asarray(np.linalg.inv(affine))


def _largest_distances(
    mapping: np.ndarray, order: list[int], flips: list[bool], shape: tuple[int, ...]
) -> np.ndarray:
    """Most voxels along each axis of the grid between where a corner of the file lies and where its order puts it."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij"), float).reshape(3, -1)
    lies = mapping[:3, :3] @ corners + mapping[:3, 3:]
    put = np.empty_like(corners)
    for axis in range(3):
        source = order[axis]
        put[axis] = shape[source] - 1 - corners[source] if flips[axis] else corners[source]
    return np.asarray(np.abs(lies - put).max(axis=1))


def _displaced(subject: str, file: Path, where: str) -> SubjectError:
    return SubjectError(
        "labels-displaced",
        subject,
        file,
        f"its affine puts it on another grid than the cine's: {where}",
        "resample it to the cine's grid, or correct its affine",
    )
