"""Lack of memory: said in one line, whichever library met it."""

from __future__ import annotations

import errno
import re
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from synthaug.core.errors import PassingError

#: As libraries say it that raise errors of their own: torch (CPU), C++ behind Python.
_SAID = re.compile(r"can't allocate memory|not enough memory|std::bad_alloc|Cannot allocate memory")
#: As torch and CUDA say it of a GPU.
_OF_GPU = re.compile(
    r"(?:CUDA|HIP|MPS)\S* out of memory|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED", re.IGNORECASE
)
#: As torch says it of a process that loads data.
_WORKER = re.compile(r"DataLoader worker \(pid.*\) is killed by signal: Killed")

_VMSTAT = Path("/proc/vmstat")


class OutOfMemoryError(PassingError):
    """A job has less memory than it needs.

    Parameters
    ----------
    reason : str
        As it was met.
    of_gpu : bool
        Whether the memory is that of a GPU.
    """

    def __init__(self, reason: str, of_gpu: bool = False) -> None:
        self.reason, self.of_gpu = reason, of_gpu
        what = "the GPU is out of memory" if of_gpu else "out of memory"
        remedy = (
            "set a smaller batch_size in the study, or use a GPU with more memory"
            if of_gpu
            else "give the job more memory (mem_mb), fewer threads, or fewer jobs beside it (--jobs, --cores)"
        )
        super().__init__(f"{what} ({reason}); {remedy}")

    def __reduce__(self) -> tuple[type[OutOfMemoryError], tuple[str, bool]]:
        # Exceptions cross process pools by pickle, which would replay only the message.
        return type(self), (self.reason, self.of_gpu)


def as_out_of_memory(error: BaseException) -> OutOfMemoryError | None:
    """The one line of an error that is or was caused by lack of memory; None where it is of another sort.

    Parameters
    ----------
    error : BaseException
        What a job ended with.
    """
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        text = " ".join(str(cause).split())
        if isinstance(cause, OutOfMemoryError):
            return cause
        if _OF_GPU.search(text):
            return OutOfMemoryError(text.partition(". ")[0], of_gpu=True)
        if (
            isinstance(cause, MemoryError)
            or getattr(cause, "errno", None) == errno.ENOMEM
            or _SAID.search(text)
        ):
            return OutOfMemoryError(text or type(cause).__name__)
        if isinstance(cause, BrokenProcessPool) or _WORKER.search(text):
            return OutOfMemoryError("one of its processes was killed, as the kernel does where memory ends")
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    return None


def kernel_kills() -> int | None:
    """Processes that this machine's kernel has ended for lack of memory since it started; None where it does not tell."""
    try:
        found = re.search(r"^oom_kill (\d+)$", _VMSTAT.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
