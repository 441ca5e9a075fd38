"""What a killed process leaves lying about: known by its name, removed by the next one once its owner is dead.

Files and folders that are being written are called ``.partial-<name>~<host>~<pid>~<start>~<Slurm job>~<random>`` and lie
beside what they become; temporary folders are called ``synthaug-<name>~...`` and lie in ``TMPDIR``.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from synthaug.core.file_times import age_days
from synthaug.core.process_identity import ProcessIdentity, is_alive, this_process

PARTIAL, TEMPORARY = ".partial-", "synthaug-"
#: Days without a change after which what a process of another host, or an unknown one, wrote counts as left behind.
DAYS = 7
_OWNED = re.compile(r".*~(?P<host>[^~]*)~(?P<pid>\d+)~(?P<started>[^~]*)~(?P<slurm>[^~]*)~[^~]*")
_LONGEST_NAME = 255  # bytes, on every common file system
_RANDOM = 16  # bytes that tempfile adds, and more


def owned_prefix(kind: str, name: str, suffix: str = "") -> str:
    """How a temporary name of this process begins.

    Parameters
    ----------
    kind : str
        `PARTIAL` or `TEMPORARY`.
    name : str
        What it is or becomes; cut where a file name would get too long.
    suffix : str
        What will end the name.
    """
    here = this_process()
    # Dots would be read as suffixes.
    parts = (here.host, str(here.pid), here.started, here.slurm_job)
    owner = "".join(f"~{part.replace('~', '_').replace('.', ',')}" for part in parts) + "~"
    room = _LONGEST_NAME - _RANDOM - len(f"{kind}{owner}{suffix}".encode())
    stem = name.removesuffix(suffix) if suffix else name
    return f"{kind}{stem.encode()[: max(room, 0)].decode(errors='ignore')}{owner}"


def owner_of(name: str) -> ProcessIdentity | None:
    """The process that a temporary name tells; None where it tells none."""
    match = _OWNED.fullmatch(name)
    if match is None:
        return None
    host, started = match["host"].replace(",", "."), match["started"].replace(",", ".")
    return ProcessIdentity(host, int(match["pid"]), started, match["slurm"])


def is_left_behind(path: Path) -> bool:
    """Whether nobody writes a partial or temporary file or folder any more.

    Its owner is dead; or it is of another host or of nobody known, and did not change for `DAYS`.
    """
    owner = owner_of(path.name)
    alive = None if owner is None else is_alive(owner)
    return age_days(path) > DAYS if alive is None else not alive


def find_partials(root: Path) -> Iterator[Path]:
    """Partial files and folders anywhere below a folder; what lies in one belongs to it."""
    for place, folders, files in os.walk(root):
        for name in [*folders, *files]:
            if name.startswith(PARTIAL):
                yield Path(place, name)
        folders[:] = sorted(name for name in folders if not name.startswith(PARTIAL))


def remove(path: Path) -> None:
    """Remove a file or a whole folder; what cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink()


def clear_left_behind(folder: Path, kind: str = PARTIAL) -> None:
    """Remove what dead processes left in a folder; each process looks once at each folder."""
    _clear(str(folder), kind, os.getpid())


@lru_cache(maxsize=1024)
def _clear(folder: str, kind: str, pid: int) -> None:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.startswith(kind)]
    except OSError:
        return  # who writes there says why it cannot
    for path in [Path(folder, name) for name in names]:
        with suppress(OSError):
            if path.lstat().st_uid != os.geteuid() or not is_left_behind(path):
                continue
            remove(path)
            print(f"{path}: removed, left by {owner_of(path.name) or 'an unknown process'}", file=sys.stderr)


def temporary_folder(name: str) -> tempfile.TemporaryDirectory[str]:
    """A folder in ``TMPDIR`` until the block ends; those of dead processes are removed first.

    Parameters
    ----------
    name : str
        What it is for.
    """
    clear_left_behind(Path(tempfile.gettempdir()), TEMPORARY)
    return tempfile.TemporaryDirectory(prefix=owned_prefix(TEMPORARY, name))
