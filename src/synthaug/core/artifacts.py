"""Files that exist whole or not at all, and the hashes that name them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import pandas as pd

from synthaug.core.disk import filling, opening
from synthaug.core.errors import DamagedFileError, SynthaugError
from synthaug.core.leftovers import PARTIAL, clear_left_behind, owned_prefix
from synthaug.core.spreadsheets import restored, write_table


@contextmanager
def atomic_file(path: str | Path, checksum: bool = False) -> Iterator[Path]:
    """Yield a temporary path that replaces `path` only when the block succeeds.

    The temporary file lies in the same folder and keeps the suffixes, so that writers
    that look at them (nibabel, numpy) behave the same and the final rename is atomic.
    It is made as any new file is, so that the umask, and rights that the folder hands down, hold.

    Parameters
    ----------
    path : path
        File to write.
    checksum : bool
        Keep the checksum of a text file beside it, for `check_text_file` and `read_json`; otherwise none stays there.

    Raises
    ------
    CannotWriteError
        The disk is full, read-only, beyond its quota or forbidden; nothing is left of the temporary file.
    """
    path = Path(path)
    with opening(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_left_behind(path.parent)
        suffix = "".join(path.suffixes)
        temporary = path.parent / f"{owned_prefix(PARTIAL, path.name, suffix)}{token_hex(8)}{suffix}"
        temporary.touch(exist_ok=False)
        rights = stat.S_IMODE(temporary.stat().st_mode)
    try:
        with filling(path, temporary):
            yield temporary
        with opening(path):
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
            temporary.chmod(rights)  # safetensors puts a file of its own, for its user alone, in the place
            if checksum:  # before the file: one that stands for itself would pass as one that a user wrote
                write_text(checksum_of(path), f"{sha256_file(temporary)}  {path.name}\n")
            else:  # one of what was there before would be of another file
                checksum_of(path).unlink(missing_ok=True)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder that replaces `path` only when the block succeeds.

    It is made as any new folder is, so that the umask, and rights that the folder above hands down, hold.

    Raises
    ------
    CannotWriteError
        The disk is full, read-only, beyond its quota or forbidden; nothing is left of the temporary folder.
    """
    path = Path(path)
    with opening(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_left_behind(path.parent)
        temporary = path.parent / f"{owned_prefix(PARTIAL, path.name)}{token_hex(8)}"
        temporary.mkdir()
    try:
        with filling(path, temporary):
            yield temporary
        with opening(path):
            if path.exists():
                shutil.rmtree(path)
            temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """A second name for a file, or a copy on another file system or one without hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, content: Any, checksum: bool = False) -> None:
    """Write JSON atomically, keys in the order given; NaN is refused.

    With `checksum`, which records of results have that other jobs read, it is kept beside the file for `read_json`.
    """
    with atomic_file(path, checksum) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    DamagedFileError
        It is empty, cut short, or no JSON, or it is not what was written.
    """
    _check_recorded(path)
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedFileError(path, error) from None


def write_tsv(path: str | Path, table: pd.DataFrame, checksum: bool = True) -> None:
    """Write a table atomically as TSV without its index; unknown is an empty field, no field a formula.

    Its checksum is kept beside it, for `read_tsv`, unless another file records it or the table is for users to edit.
    """
    with atomic_file(path, checksum) as temporary:
        write_table(temporary, table, "\t")


def read_tsv(path: str | Path, text_columns: Iterable[str] = ()) -> pd.DataFrame:
    """Read a TSV table; `text_columns` stay text even where they look like numbers.

    Only the empty field is unknown: a centre called "NA" stays "NA". Texts are as they were before `write_tsv`.

    Raises
    ------
    DamagedFileError
        It is empty or no table, or its last line does not end, as when it was cut short, or it is not what was written.
    """
    types = dict.fromkeys(text_columns, "string")
    return restored(_read_table(path, sep="\t", dtype=types, keep_default_na=False, na_values=[""]))


def read_csv(path: str | Path) -> pd.DataFrame:
    """Read a CSV table of numbers, such as the history of a training.

    Raises
    ------
    DamagedFileError
        As `read_tsv`.
    """
    return _read_table(path, sep=",")


def _read_table(path: str | Path, **options: Any) -> pd.DataFrame:
    check_text_file(path)
    try:
        table: pd.DataFrame = pd.read_csv(path, **options)
    except ValueError as error:
        raise DamagedFileError(path, error) from None
    return table


def check_text_file(path: str | Path) -> None:
    """Refuse a text file that was cut short, or that is not what `atomic_file` kept the checksum of.

    A file without a checksum is one that a user wrote: it may be anything, but its last line must end.

    Raises
    ------
    DamagedFileError
        It is empty, ends without a line break, or has another checksum.
    """
    with Path(path).open("rb") as stream:
        if not stream.seek(0, os.SEEK_END):
            raise DamagedFileError(path, "is empty")
        stream.seek(-1, os.SEEK_END)
        if stream.read(1) not in b"\r\n":
            raise DamagedFileError(
                path, "its last line does not end; if it is written by hand, add a line break at its end"
            )
    _check_recorded(path)


def _check_recorded(path: str | Path) -> None:
    kept = checksum_of(path)
    recorded = kept.read_text(encoding="utf-8", errors="replace")[:64] if kept.is_file() else None
    if recorded not in (None, sha256_file(path)):
        raise DamagedFileError(
            path,
            f"it is not what was written, its checksum differs; if it was edited on purpose, remove {kept.name}",
        )


def checksum_of(path: str | Path) -> Path:
    """File of a file's checksum, as ``sha256sum`` reads it; hidden, so that what lists the files of a folder passes it by."""
    return Path(path).with_name(f".{Path(path).name}.sha256")


def sha256_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_sha256(path: str | Path, expected: str | None) -> str:
    """SHA-256 of a user's file, which must be the one that is configured.

    Raises
    ------
    SynthaugError
        It is another.
    """
    found = sha256_file(path)
    if found != expected:
        raise SynthaugError(f"{path}: SHA-256 is {found}, {expected} is configured; check the file")
    return found


def sha256_json(content: Any) -> str:
    """SHA-256 of a JSON-able value, independent of the order of its keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
