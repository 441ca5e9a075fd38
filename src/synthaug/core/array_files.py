"""Arrays of numpy's files; nothing in them is unpickled, and a damaged file is one line."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Literal

import numpy as np

from synthaug.core.errors import DamagedFileError

_DAMAGE = (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError)


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
