"""Checksums of the files of a folder, in the folder: written when it is complete, compared before it is worked on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from synthaug.core.artifacts import atomic_file, check_text_file, sha256_file
from synthaug.core.errors import SynthaugError

#: As ``sha256sum -c`` reads it.
CHECKSUMS = "SHA256SUMS"


def write_checksums(folder: str | Path, threads: int = 1) -> None:
    """List the SHA-256 of all files below a folder in its `CHECKSUMS`, hidden ones left out.

    Parameters
    ----------
    folder : path
        Folder that is complete.
    threads : int
        Files read side by side.
    """
    folder = Path(folder)
    names = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    listed = [name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts)]
    lines = [
        f"{digest}  {name}\n" for name, digest in zip(listed, _digests(folder, listed, threads), strict=True)
    ]
    with atomic_file(folder / CHECKSUMS, checksum=True) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


def check_checksums(folder: str | Path, threads: int = 1) -> None:
    """Compare the files of a folder with its `CHECKSUMS`, up to the first that differs.

    Raises
    ------
    SynthaugError
        A file or the list is missing or not what it was: a damaged disk, a partial copy, an edit.
    """
    folder = Path(folder)
    path = folder / CHECKSUMS
    if not path.is_file():
        raise SynthaugError(f"{path}: is missing; remove {folder} and run again")
    check_text_file(path)
    recorded = [line.partition("  ") for line in path.read_text(encoding="utf-8").splitlines()]
    names = [name for _, _, name in recorded]
    for (written, _, name), found in zip(recorded, _digests(folder, names, threads), strict=True):
        if found != written:
            problem = "not what was written (its checksum differs)" if found else "is missing"
            raise SynthaugError(f"{folder / name}: {problem}; remove {folder} and run again")


def _digests(folder: Path, names: Sequence[str], threads: int) -> Iterator[str]:
    """SHA-256 of each file, empty of one that is not there."""

    def digest(name: str) -> str:
        return sha256_file(folder / name) if (folder / name).is_file() else ""

    with ThreadPoolExecutor(threads) as pool:  # hashing lets other threads run
        yield from pool.map(digest, names)
