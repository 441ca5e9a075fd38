"""NIfTI files: of unknown origin, read whole and checked to the last byte; our own, the same bytes for the same voxels."""

from __future__ import annotations

import gzip
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np
from isal.igzip import IGzipFile
from isal.igzip_lib import IsalError

from synthaug.core.artifacts import atomic_file
from synthaug.core.gzipped import gzipped
from synthaug.data.findings import SubjectError

#: Largest array that is decompressed; a short-axis cine of 512 x 512 x 20 x 60 doubles is 2.3 GiB.
MAX_BYTES = 4 * 2**30
_CHUNK = 16 * 2**20
_TO_MM = {"meter": 1000.0, "micron": 0.001}
_TO_SECONDS = {"msec": 1e-3, "usec": 1e-6}


@dataclass(frozen=True)
class NiftiImage:
    """One NIfTI file in memory.

    Attributes
    ----------
    array : ndarray, shape (x, y, z) or (x, y, z, t), float32
        Voxel values, scaled as the header says.
    affine : ndarray, shape (4, 4)
        Voxel indices to mm in patient space (right, anterior, superior).
    voxel_size_mm : tuple of 3 floats
        Along the array's axes, from ``pixdim``.
    frame_duration_s : float
        ``pixdim[4]`` in seconds, as in the header; 0 where the file is not 4D.
    """

    array: np.ndarray
    affine: np.ndarray
    voxel_size_mm: tuple[float, float, float]
    frame_duration_s: float


def write_nifti(image: nib.Nifti1Image, path: str | Path) -> None:
    """Write a ``.nii.gz`` file whole or not at all; the same voxels and header give the same bytes, whenever written."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(gzipped(image.to_bytes()))


def read_nifti(path: Path, subject: str) -> NiftiImage:
    """Read a ``.nii`` or ``.nii.gz`` file completely.

    Parameters
    ----------
    path : Path
        The file.
    subject : str
        Whose file it is, for the error.

    Returns
    -------
    NiftiImage

    Raises
    ------
    SubjectError
        The file is missing, not NIfTI, truncated or corrupted (checksum), larger than it says or
        than `MAX_BYTES`, not 3D or 4D, scaled by 0 or a number that is not finite, or has such values.
    """
    copy_again = "copy the file again from its source"
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not compressed:
                return _read(raw, path, subject)
            with IGzipFile(fileobj=raw) as stream:
                return _read(stream, path, subject)
    except FileNotFoundError:
        raise SubjectError(
            "file-missing", subject, path, "the file is missing", "add it, or remove the subject"
        ) from None
    except EOFError:
        raise SubjectError("file-truncated", subject, path, "the file is truncated", copy_again) from None
    except (IsalError, gzip.BadGzipFile) as error:  # type: ignore[misc]  # isal's stub: the class as an instance
        raise SubjectError(
            "file-corrupted", subject, path, f"the file is corrupted ({error})", copy_again
        ) from None
    except OSError as error:
        raise SubjectError(
            "file-unreadable", subject, path, f"cannot be read ({error.strerror})", "check the file"
        ) from None


def _read(stream: BinaryIO | gzip.GzipFile, path: Path, subject: str) -> NiftiImage:
    header, header_bytes = _read_header(stream, path, subject)
    shape = _shape(header, path, subject)
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf":
        raise SubjectError(
            "voxel-type", subject, path, f"voxels are of type {dtype}", "convert them to integers or floats"
        )
    size = math.prod(shape) * dtype.itemsize
    gap = int(header["vox_offset"]) - header_bytes
    if size > MAX_BYTES or not 0 <= gap <= _CHUNK:
        problem = f"the header announces {shape} voxels ({size / 2**30:.1f} GiB) {gap} bytes after it"
        raise SubjectError(
            "header-damaged", subject, path, problem, "check that this is a cine and its header is right"
        )
    _read_exactly(stream, gap)
    content = _read_exactly(stream, size)
    if stream.read(1):  # reaching the end is also what makes gzip compare its checksum
        raise SubjectError(
            "file-longer",
            subject,
            path,
            "the file is longer than its header says",
            "write it again with a right header",
        )
    values = np.frombuffer(content, dtype).reshape(shape, order="F")
    array = _scaled(values, header, path, subject)
    units, time_units = header.get_xyzt_units()
    pixdim = np.abs(header["pixdim"].astype(float))
    to_mm = _TO_MM.get(units, 1.0)
    affine = header.get_best_affine()
    affine[:3] *= to_mm
    x, y, z = (pixdim[1:4] * to_mm).tolist()
    duration = float(pixdim[4]) * _TO_SECONDS.get(time_units, 1.0) if len(shape) == 4 else 0.0
    return NiftiImage(array, affine, (x, y, z), duration if math.isfinite(duration) else 0.0)


def _read_header(stream: BinaryIO | gzip.GzipFile, path: Path, subject: str) -> tuple[Any, int]:
    start = _read_exactly(stream, 4)
    sizes = {int.from_bytes(start, "little"), int.from_bytes(start, "big")}
    if not sizes & {348, 540}:
        raise SubjectError("file-format", subject, path, "is not a NIfTI file", "convert it to NIfTI")
    kind = nib.Nifti1Header if 348 in sizes else nib.Nifti2Header
    rest = _read_exactly(stream, kind.sizeof_hdr - 4)
    header = kind.from_fileobj(io.BytesIO(bytes(start + rest)), check=False)
    if not bytes(header["magic"]).startswith(b"n+"):
        raise SubjectError(
            "file-format", subject, path, "is not a single-file NIfTI", "convert it to .nii.gz"
        )
    return header, kind.sizeof_hdr


def _shape(header: Any, path: Path, subject: str) -> tuple[int, ...]:
    n_dimensions = int(header["dim"][0])
    sizes = [int(size) for size in header["dim"][1 : n_dimensions + 1]]
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) not in (3, 4) or min(sizes) < 1:
        raise SubjectError(
            "dimensions", subject, path, f"has dimensions {sizes}", "give a stack (3D) or a cine (4D)"
        )
    return tuple(sizes)


def _read_exactly(stream: BinaryIO | gzip.GzipFile, size: int) -> bytearray:
    content = bytearray()
    while len(content) < size:
        chunk = stream.read(min(_CHUNK, size - len(content)))
        if not chunk:
            raise EOFError
        content += chunk
    return content


def _scaled(values: np.ndarray, header: Any, path: Path, subject: str) -> np.ndarray:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not (math.isfinite(slope) and math.isfinite(intercept)):
        raise SubjectError(
            "scale",
            subject,
            path,
            f"values are scaled by {slope:g} and shifted by {intercept:g}",
            "set scl_slope 1 and scl_inter 0 if the values are meant as they stand",
        )
    array = values.astype(np.float32)
    if (slope, intercept) != (1.0, 0.0):
        array = (values * slope + intercept).astype(np.float32)
    if not np.isfinite(array).all():
        count = int(array.size - np.isfinite(array).sum())
        raise SubjectError(
            "voxels-not-finite",
            subject,
            path,
            f"{count} voxels are not finite",
            "export the image again without NaN",
        )
    return array
