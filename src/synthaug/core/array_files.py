"""Arrays of numpy's files; nothing in them is unpickled, and a damaged file is one line."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Literal, NamedTuple

import numpy as np

from synthaug.core.errors import DamagedFileError

_DAMAGE = (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError)


class StoredArray(NamedTuple):
    """An array that lies in a file, row after row and nothing else."""

    file: Path
    dtype: np.dtype
    shape: tuple[int, ...]


def write_npz(stream: IO[bytes], arrays: Mapping[str, np.ndarray | StoredArray]) -> None:
    """Write an ``.npz`` file, byte for byte as `numpy.savez`; what is stored is copied from file to file."""
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                if isinstance(array, StoredArray):
                    kind = np.lib.format.dtype_to_descr(array.dtype)
                    header = {"descr": kind, "fortran_order": False, "shape": array.shape}
                    np.lib.format.write_array_header_1_0(member, header)
                    with array.file.open("rb") as stored:
                        shutil.copyfileobj(stored, member, 2**20)
                else:
                    np.lib.format.write_array(member, array, allow_pickle=False)


def read_npy(path: str | Path, mmap_mode: Literal["r"] | None = None) -> np.ndarray:
    """The array of an ``.npy`` file, in memory or mapped.

    Raises
    ------
    DamagedFileError
        It is empty, cut short, or no such file. Of a mapped one only the length is known.
    """
    try:
        array: np.ndarray = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except _DAMAGE as error:
        raise DamagedFileError(path, error) from None
    return array


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz`` file, whose checksums hold.

    Raises
    ------
    DamagedFileError
        It is empty, cut short, damaged, or no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except (*_DAMAGE, AttributeError) as error:  # a single array has no names
        raise DamagedFileError(path, error) from None


def map_npz(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz`` file that is not compressed, mapped from where they lie in it; its checksums are read once.

    Raises
    ------
    DamagedFileError
        As `read_npz`, or its arrays are compressed.
    """
    try:
        return _mapped_arrays(Path(path))
    except (*_DAMAGE, RuntimeError) as error:
        raise DamagedFileError(path, error) from None


def _mapped_arrays(path: Path) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise ValueError(f"the checksum of {damaged} differs")
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{member.filename} is compressed")
            with archive.open(member) as stream:
                version = np.lib.format.read_magic(stream)
                read_header = {
                    (1, 0): np.lib.format.read_array_header_1_0,
                    (2, 0): np.lib.format.read_array_header_2_0,
                }[version]
                shape, fortran, kind = read_header(stream)
                if kind.hasobject or fortran:
                    raise ValueError(f"{member.filename} is no plain array")
                name = member.filename.removesuffix(".npy")
                if np.prod(shape, dtype=int) == 0:
                    arrays[name] = np.empty(shape, kind)
                    continue
                begin = _data_offset(path, member) + stream.tell()
            mapped = np.memmap(path, kind, "r", begin, shape)
            arrays[name] = mapped.view(np.ndarray)
    return arrays


def _data_offset(path: Path, member: zipfile.ZipInfo) -> int:
    """Where a stored member begins: after its own header, whose length the archive's directory does not say."""
    with path.open("rb") as stream:
        stream.seek(member.header_offset + 26)
        name, extra = (int.from_bytes(stream.read(2), "little") for _ in range(2))
    return member.header_offset + 30 + name + extra
