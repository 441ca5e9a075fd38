"""Disks that are full, read-only or forbidden: said in one line, and found out before a file is mapped to memory."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from synthaug.core.errors import PassingError, SynthaugError

#: What only a write can meet.
_OF_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
#: The same as libraries say it that raise errors of their own: safetensors, Arrow, Blosc, tempfile.
_SAID = re.compile(
    r"No space left on device|Disk quota exceeded|Read-only file system|File too large|No usable temporary directory"
)
#: A short write that does not tell its cause: numpy's tofile and torch.save.
_SHORT = re.compile(r"requested and \d+ written|PytorchStreamWriter failed|file write failed")
#: File systems that cannot reserve: there the zeros are written.
_NO_RESERVING = (errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS, errno.ENODEV)
_BLOCK = bytes(1 << 20)


class CannotWriteError(PassingError):
    """A file or folder cannot be written.

    Parameters
    ----------
    path : path
        Which.
    reason : str
        Why, as the system says it.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        self.path, self.reason = Path(path), reason
        space = errno.ENOSPC, errno.EDQUOT
        scarce = reason in [os.strerror(number) for number in space] or _SHORT.search(reason)
        remedy = "free space or name another folder" if scarce else "make it writable or name another folder"
        super().__init__(f"{path}: cannot be written ({reason}); {remedy}")

    def __reduce__(self) -> tuple[type[CannotWriteError], tuple[Path, str]]:
        # Exceptions cross process pools by pickle, which would replay only the message.
        return type(self), (self.path, self.reason)


def write_failure(error: BaseException) -> str | None:
    """Why a write failed, if that is what an error or its cause tells; else None.

    Parameters
    ----------
    error : BaseException
        Of the system, or of a library that wrote.
    """
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        if isinstance(cause, OSError) and cause.errno in _OF_WRITING:
            return os.strerror(cause.errno)
        text = str(cause)
        if not isinstance(cause, SynthaugError):
            if said := _SAID.search(text):
                return said[0]
            if _SHORT.search(text):
                return f"No space left on device, or {text.strip().splitlines()[0]}"
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    return None


def as_cannot_write(error: Exception, otherwise: str) -> CannotWriteError | None:
    """The one line of a write that failed outside `filling`; None where the error is of another sort.

    Parameters
    ----------
    error : Exception
        What a command or job ended with.
    otherwise : str
        Says where, if the error does not.
    """
    reason, named = write_failure(error), getattr(error, "filename", None)
    if reason is None and isinstance(error, PermissionError) and named:
        # Reading what must not be read ends here as well: a program cannot tell whose rights are meant.
        reason = error.strerror
    return CannotWriteError(str(named or otherwise), reason) if reason else None


@contextmanager
def opening(path: str | Path) -> Iterator[None]:
    """Say every error of the system in the block as one of writing `path`: the block makes files and does nothing else.

    Raises
    ------
    CannotWriteError
        The block met an OSError.
    """
    try:
        yield
    except OSError as error:
        raise CannotWriteError(path, error.strerror or str(error)) from error


@contextmanager
def filling(path: str | Path, temporary: Path) -> Iterator[None]:
    """Say a failed write in the block as one of `path`; other errors pass.

    Parameters
    ----------
    path : path
        What the block makes, for the message.
    temporary : Path
        Where it writes until then.

    Raises
    ------
    CannotWriteError
        The disk is full, read-only or beyond its quota. It names another file where the block wrote that one.
    """
    try:
        yield
    except CannotWriteError as error:
        if error.path.is_relative_to(temporary):
            raise CannotWriteError(path, error.reason) from error
        raise
    except Exception as error:
        reason = write_failure(error)
        if reason is None and isinstance(error, PermissionError) and error.filename:
            reason = error.strerror if Path(error.filename).is_relative_to(temporary) else None
        if reason is None:
            raise
        named = getattr(error, "filename", None)
        elsewhere = isinstance(named, str) and not Path(named).is_relative_to(temporary)
        raise CannotWriteError(str(named) if elsewhere else path, reason) from error


def reserved_memmap(path: str | Path, dtype: Any, shape: Sequence[int]) -> np.memmap:
    """A new .npy file mapped to memory, for whose every byte the disk has space.

    A map of a file with holes dies of SIGBUS, without a word, where the disk is full when a hole is filled.

    Parameters
    ----------
    path : path
        File to make.
    dtype : dtype
        Of its values, all 0.
    shape : sequence of int
        Of the array.

    Raises
    ------
    OSError
        The disk has no space for it (ENOSPC or EDQUOT); no file is left.
    """
    path = Path(path)
    try:
        array: np.memmap = open_memmap(path, "w+", dtype, tuple(shape))
        with path.open("rb+") as stream:
            reserve(stream.fileno(), array.offset, path.stat().st_size)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return array


def reserve(descriptor: int, start: int, size: int) -> None:
    """Give a file's holes space on the disk.

    Parameters
    ----------
    descriptor : int
        Of the file, open for writing; from `start` on it holds zeros.
    start, size : int
        First byte that may lie in a hole; the file's size.

    Raises
    ------
    OSError
        There is no space.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
            return
        except OSError as error:
            if error.errno not in _NO_RESERVING:
                raise
    for place in range(start, size, len(_BLOCK)):
        block = _BLOCK[: size - place]
        if os.pwrite(descriptor, block, place) < len(block):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(descriptor)
