"""State of a folder of files that are too large to be read for every plan of Snakemake."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def folder_state(folder: str | Path) -> str:
    """Hash of the names, sizes and times of a cohort's files: another one where a file was written anew.

    Nothing is read. A folder's own time does not change when a file in it is overwritten.

    Parameters
    ----------
    folder : path
        Cohort folder; hidden files do not count.

    Returns
    -------
    str
        SHA-256; empty without such a folder.
    """
    if not Path(folder).is_dir():
        return ""
    digest = hashlib.sha256()
    for name, size, time in sorted(_files(Path(folder))):
        digest.update(f"{name}\t{size}\t{time}\n".encode())
    return digest.hexdigest()


def _files(folder: Path, below: str = "") -> Iterator[tuple[str, int, int]]:
    """Name, bytes and time in ns of the files of a cohort and of its subjects."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir() and not below:
                yield from _files(Path(entry.path), f"{entry.name}/")
            elif entry.is_file():
                found = entry.stat()
                yield below + entry.name, found.st_size, found.st_mtime_ns
