"""NIfTI files: of unknown origin, read whole and checked to the last byte; our own, the same bytes for the same voxels."""

from __future__ import annotations

import gzip
import io
import math
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np
from isal.igzip import IGzipFile

from synthaug.core.artifacts import atomic_file
from synthaug.core.gzipped import CORRUPTED, gzipped
from synthaug.data.file_formats import HEAD_BYTES, recognise
from synthaug.data.findings import SubjectError

#: Largest array that is decompressed; a short-axis cine of 512 x 512 x 20 x 60 doubles is 2.3 GiB.
MAX_BYTES = 4 * 2**30
_CHUNK = 16 * 2**20
_TO_MM = {"meter": 1000.0, "micron": 0.001}
_TO_SECONDS = {"msec": 1e-3, "usec": 1e-6}
#: How far 1 - b^2 - c^2 - d^2 of a quaternion may be below 0: rounding of single precision, three times over.
_QUATERNION_ROUNDING = -1e-4
_COPY_AGAIN = "copy the file again from its source"
_WRITE_AGAIN = "write the file again with a right header"


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
        ``pixdim`` of the time axis in seconds, as in the header; 0 where the file is not 4D.
    sform_size_mm : tuple of 3 floats or None
        Along the array's axes, from the columns of the sform; None where the header has none.
    oriented : bool
        Whether the header has an sform or a qform, without which the affine says nothing of directions and places.
    forms_agree : bool
        False where it has both, and their directions differ by more than 5 degrees.
    """

    array: np.ndarray
    affine: np.ndarray
    voxel_size_mm: tuple[float, float, float]
    frame_duration_s: float
    sform_size_mm: tuple[float, float, float] | None = None
    oriented: bool = True
    forms_agree: bool = True


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
        than `MAX_BYTES`, neither 3D nor 4D, has a header that nobody meant, or voxels that are not finite.

    Notes
    -----
    As the standard says, a ``scl_slope`` of 0 means that values are not scaled; so does NaN, which some programs write.
    A fifth dimension is read where only one of the fourth and fifth is longer than 1.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
            problem = "is no file but a folder, a pipe or a device"
            raise SubjectError("file-format", subject, path, problem, "replace it by the image")
        with path.open("rb") as raw:
            compressed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not compressed:
                return _read(raw, path, subject, False)
            with IGzipFile(fileobj=raw) as stream:
                return _read(stream, path, subject, True)
    except FileNotFoundError:
        if path.is_symlink():
            raise SubjectError(
                "file-pointer",
                subject,
                path,
                "is a link to a file that is not there",
                "correct the link, or fetch its content (`git annex get`, `datalad get`)",
            ) from None
        raise SubjectError(
            "file-missing", subject, path, "the file is missing", "add it, or remove the subject"
        ) from None
    except EOFError:
        raise SubjectError("file-truncated", subject, path, "the file is truncated", _COPY_AGAIN) from None
    except CORRUPTED as error:
        problem = f"the file is corrupted ({error})"
        raise SubjectError("file-corrupted", subject, path, problem, _COPY_AGAIN) from None
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise SubjectError("file-unreadable", subject, path, problem, "check the file and the disk") from None


def _read(stream: BinaryIO | gzip.GzipFile, path: Path, subject: str, compressed: bool) -> NiftiImage:
    header, header_bytes = _read_header(stream, path, subject, compressed)
    damaged = _Damaged(path, subject)
    shape, time_axis = _shape(header, path, subject)
    dtype = _voxel_type(header, damaged)
    if dtype.kind not in "iuf":
        raise SubjectError(
            "voxel-type", subject, path, f"voxels are of type {dtype}", "convert them to integers or floats"
        )
    size = math.prod(shape) * dtype.itemsize
    offset = float(header["vox_offset"])
    if not math.isfinite(offset):
        raise damaged("vox_offset", offset)
    # Some programs leave the offset of the voxels 0: they begin after the header and 4 bytes of extensions.
    gap = (int(offset) or header_bytes + 4) - header_bytes
    if size > MAX_BYTES or not 0 <= gap <= _CHUNK:
        problem = f"the header announces {shape} voxels ({size / 2**30:.1f} GiB) {gap} bytes after it"
        remedy = "check that this is a cine and its header is right"
        raise SubjectError("header-damaged", subject, path, problem, remedy)
    _read_exactly(stream, gap)
    content = _read_exactly(stream, size)
    if stream.read(1):  # reaching the end is also what makes gzip compare its checksum
        problem = "the file is longer than its header says"
        raise SubjectError("file-longer", subject, path, problem, _WRITE_AGAIN)
    values = np.frombuffer(content, dtype).reshape(shape, order="F")
    array = _scaled(values, header, path, subject)
    try:
        units, time_units = header.get_xyzt_units()
    except KeyError:
        raise damaged("xyzt_units", int(header["xyzt_units"])) from None
    pixdim = np.abs(header["pixdim"].astype(float))
    to_mm = _TO_MM.get(units, 1.0)
    x, y, z = (pixdim[1:4] * to_mm).tolist()
    duration = float(pixdim[time_axis]) * _TO_SECONDS.get(time_units, 1.0) if len(shape) == 4 else 0.0
    affine, sform_size, oriented, agree = _geometry(header, to_mm, damaged)
    return NiftiImage(
        array, affine, (x, y, z), duration if math.isfinite(duration) else 0.0, sform_size, oriented, agree
    )


@dataclass(frozen=True)
class _Damaged:
    """Makes the error of a header field that cannot be what a writer meant."""

    path: Path
    subject: str

    def __call__(self, field: str, value: object) -> SubjectError:
        problem = f"the header is damaged: {field} is {value}"
        return SubjectError("header-damaged", self.subject, self.path, problem, _WRITE_AGAIN)


def _read_header(
    stream: BinaryIO | gzip.GzipFile, path: Path, subject: str, compressed: bool
) -> tuple[Any, int]:
    start = bytes(_read_up_to(stream, 4))
    sizes = {int.from_bytes(start, "little"), int.from_bytes(start, "big")}
    if len(start) < 4 or not sizes & {348, 540}:
        found = recognise(start + bytes(_read_up_to(stream, HEAD_BYTES - len(start))), compressed)
        raise SubjectError(found.code, subject, path, found.problem, found.remedy)
    kind = nib.Nifti1Header if 348 in sizes else nib.Nifti2Header
    rest = _read_exactly(stream, kind.sizeof_hdr - 4)
    header = kind.from_fileobj(io.BytesIO(start + bytes(rest)), check=False)
    if not bytes(header["magic"]).startswith(b"n+"):
        problem = "is no single-file NIfTI: header and voxels are two files"
        raise SubjectError("file-format", subject, path, problem, "convert it to .nii.gz")
    return header, kind.sizeof_hdr


def _shape(header: Any, path: Path, subject: str) -> tuple[tuple[int, ...], int]:
    """Shape of the array, and which dimension of the header is its time."""
    n_dimensions = int(header["dim"][0])
    if not 1 <= n_dimensions <= 7:
        raise _Damaged(path, subject)("dim[0]", n_dimensions)
    sizes = [int(size) for size in header["dim"][1 : n_dimensions + 1]]
    beyond = [axis for axis in range(3, len(sizes)) if sizes[axis] != 1]
    if len(sizes) < 3 or len(beyond) > 1 or min(sizes) < 1:
        remedy = "give a stack (3D) or a cine (4D)"
        raise SubjectError("dimensions", subject, path, f"has dimensions {sizes}", remedy)
    return tuple(sizes[:3] + [sizes[axis] for axis in beyond]), (beyond[0] if beyond else 3) + 1


def _voxel_type(header: Any, damaged: _Damaged) -> np.dtype:
    try:
        return np.dtype(header.get_data_dtype())
    except (nib.spatialimages.HeaderDataError, KeyError, TypeError):
        raise damaged("datatype", int(header["datatype"])) from None


def _geometry(
    header: Any, to_mm: float, damaged: _Damaged
) -> tuple[np.ndarray, tuple[float, float, float] | None, bool, bool]:
    """Affine in mm, voxel size by the sform, whether there is a form, and whether both forms agree."""
    header.quaternion_threshold = _QUATERNION_ROUNDING
    sform = header.get_sform() if int(header["sform_code"]) > 0 else None
    qform = None
    if int(header["qform_code"]) > 0:
        try:
            qform = header.get_qform()
        except ValueError:
            if sform is None:
                quaternion = [float(header[f"quatern_{letter}"]) for letter in "bcd"]
                raise damaged("the quaternion of the qform", quaternion) from None
    form = sform if sform is not None else qform
    affine = np.array(header.get_base_affine() if form is None else form, float)
    if sform is not None and not np.isfinite(affine).all():
        raise damaged("the sform", "not finite")
    affine[:3] *= to_mm
    size = None
    if sform is not None:
        x, y, z = np.linalg.norm(affine[:3, :3], axis=0).tolist()
        size = (x, y, z)
    agree = sform is None or qform is None or _same_directions(sform, qform)
    return affine, size, sform is not None or qform is not None, agree


def _same_directions(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether the axes of two affines lie within 5 degrees of each other; one without directions is no other's contrary."""
    columns = [np.asarray(affine, float)[:3, :3] for affine in (first, second)]
    lengths = [np.linalg.norm(column, axis=0) for column in columns]
    if not all(np.isfinite(length).all() and length.min() > 0 for length in lengths):
        return True
    cosines = np.sum(columns[0] / lengths[0] * columns[1] / lengths[1], axis=0)
    return bool(cosines.min() > math.cos(math.radians(5)))


def _read_up_to(stream: BinaryIO | gzip.GzipFile, size: int) -> bytearray:
    content = bytearray()
    while len(content) < size and (chunk := stream.read(min(_CHUNK, size - len(content)))):
        content += chunk
    return content


def _read_exactly(stream: BinaryIO | gzip.GzipFile, size: int) -> bytearray:
    content = _read_up_to(stream, size)
    if len(content) < size:
        raise EOFError
    return content


def _scaled(values: np.ndarray, header: Any, path: Path, subject: str) -> np.ndarray:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if math.isinf(slope) or math.isinf(intercept):
        raise _Damaged(path, subject)("scl_slope, scl_inter", f"{slope:g}, {intercept:g}")
    if slope == 0 or math.isnan(slope):
        slope, intercept = 1.0, 0.0
    if math.isnan(intercept):
        intercept = 0.0
    array = np.empty(values.shape, np.float32, order="F")
    if (slope, intercept) == (1.0, 0.0):
        array[...] = values
    else:
        for frame, scaled in zip(_frames(values), _frames(array), strict=True):
            scaled[...] = (
                frame * slope + intercept
            )  # a frame at a time: doubles of all would be four times the file
    if not np.isfinite(array).all():
        count = int(array.size - np.isfinite(array).sum())
        problem = f"{count} voxels are not finite"
        raise SubjectError("voxels-not-finite", subject, path, problem, "export the image again without NaN")
    return array


def _frames(array: np.ndarray) -> list[np.ndarray]:
    return [array] if array.ndim == 3 else [array[..., frame] for frame in range(array.shape[3])]
