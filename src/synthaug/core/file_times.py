"""Times of files, by the clock that sets them: the file system's, which need not be this machine's."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path


def file_system_time(folder: Path) -> float:
    """Seconds since 1970 by the clock of a folder's file system: the time that a file gets which is written there now.

    A clock of this machine that jumped, or differs from the file server's, makes no file old. Where nothing can be written,
    it is this machine's.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as stream:
            return os.fstat(stream.fileno()).st_mtime
    except OSError:
        return time.time()


def age_days(path: Path) -> float:
    """Days since a file, or anything in a folder, last changed, by the file system's clock; 0 where it is gone."""
    newest = 0.0
    for place in (path, *(path.rglob("*") if path.is_dir() else ())):
        with suppress(OSError):
            newest = max(newest, place.lstat().st_mtime)
    return max(0.0, file_system_time(path.parent) - newest) / 86400 if newest else 0.0
