"""Voxels of the NIfTI files that the package wrote: decompressed to the last byte, so that a damaged file is never read."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from isal.igzip import decompress
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import DTypeLike

from synthaug.core.errors import DamagedFileError
from synthaug.core.gzipped import CORRUPTED

_DAMAGE = (*CORRUPTED, EOFError, ImageFileError, HeaderDataError, WrapStructError, ValueError)


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
        The file is cut short, its checksum does not hold, or it is no NIfTI file.
    """
    try:
        image = nib.Nifti1Image.from_bytes(decompress(Path(path).read_bytes()))
        return np.asarray(image.dataobj, dtype=dtype).T
    except _DAMAGE as error:
        raise DamagedFileError(path, error) from None


def read_stored_header(path: str | Path) -> nib.Nifti1Header:
    """Header of such a file; its voxels are not read.

    Raises
    ------
    DamagedFileError
        The file is empty or cut short in front, or it is no NIfTI file.
    """
    try:
        header: nib.Nifti1Header = nib.Nifti1Image.from_filename(path).header
    except _DAMAGE as error:
        raise DamagedFileError(path, error) from None
    return header
