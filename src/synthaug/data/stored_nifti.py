"""Voxels of the NIfTI files that the package wrote: decompressed to the last byte, so that a damaged file is never read.

A file may come from elsewhere, as a cohort of another group does: no more is decompressed than its header announces, and
no header may announce more than `synthaug.data.nifti.MAX_BYTES`.
"""

from __future__ import annotations

import math
from pathlib import Path

import nibabel as nib
import numpy as np
from isal.igzip import IGzipFile
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import DTypeLike

from synthaug.core.errors import DamagedFileError
from synthaug.core.gzipped import CORRUPTED
from synthaug.data.nifti import MAX_BYTES

_DAMAGE = (*CORRUPTED, EOFError, ImageFileError, HeaderDataError, WrapStructError, ValueError, OverflowError)
_CHUNK = 16 * 2**20


def read_voxels(path: str | Path, dtype: DTypeLike | None = None) -> np.ndarray:
    """Scaled voxels of a ``.nii.gz`` file, axes in the order of the package: (z, y, x) or (t, z, y, x).

    nibabel alone stops at the last voxel, before the checksum behind it.

    Parameters
    ----------
    path : path
        File in the axis order (x, y, z[, t]).
    dtype : dtype, optional
        Of the result; where not given, that of the scaled voxels.

    Raises
    ------
    DamagedFileError
        The file is cut short, its checksum does not hold, it is no NIfTI file, it is longer than its header says, or
        its header announces more than `MAX_BYTES`.
    """
    try:
        image = nib.Nifti1Image.from_bytes(_decompressed(Path(path)))
        return np.asarray(image.dataobj, dtype=dtype).T
    except _DAMAGE as error:
        raise DamagedFileError(path, error) from None


def read_shape(path: str | Path) -> tuple[int, ...]:
    """Shape of the voxels of a ``.nii.gz`` file in the order of the package, from its header alone."""
    return tuple(read_stored_header(path).get_data_shape()[::-1])


def read_stored_header(path: str | Path) -> nib.Nifti1Header:
    """Header of such a file; its voxels are not read.

    Raises
    ------
    DamagedFileError
        The header cannot be read, or announces more than `MAX_BYTES`.
    """
    try:
        with IGzipFile(path) as stream:
            return _read_header(stream)[1]
    except _DAMAGE as error:
        raise DamagedFileError(path, error) from None


def _read_header(stream: IGzipFile) -> tuple[bytes, nib.Nifti1Header]:
    """The header's bytes, and the header, whose voxels may be read."""
    head = stream.read(nib.Nifti1Header.sizeof_hdr)
    header = nib.Nifti1Header(head, check=False)
    shape = header.get_data_shape()
    size = _size(header)
    if min(shape, default=0) < 0 or not 0 <= size <= MAX_BYTES:
        raise ValueError(f"the header announces {shape} voxels, {size / 2**30:.1f} GiB")
    return head, header


def _size(header: nib.Nifti1Header) -> int:
    """Bytes of a file by its header."""
    return int(header["vox_offset"]) + math.prod(header.get_data_shape()) * header.get_data_dtype().itemsize


def _decompressed(path: Path) -> bytes:
    """All bytes of a file, which are as many as its header says."""
    with IGzipFile(path) as stream:
        head, header = _read_header(stream)
        parts, left = [head], _size(header) - len(head)
        while left > 0:
            part = stream.read(min(_CHUNK, left))
            if not part:
                raise EOFError("ends before its voxels do")
            parts.append(part)
            left -= len(part)
        if stream.read(1):  # reaching the end is also what makes gzip compare its checksum
            raise ValueError("longer than its header says")
    return b"".join(parts)
