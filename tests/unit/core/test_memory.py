"""Lack of memory is one line, whichever library met it."""

from __future__ import annotations

import errno
import os
import pickle
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
import torch

from synthaug.core import memory
from synthaug.core.memory import as_out_of_memory, kernel_kills

CPU = "give the job more memory (mem_mb), fewer threads, or fewer jobs beside it (--jobs, --cores)"


def caught(work):
    with pytest.raises(Exception) as error:
        work()
    return error.value


@pytest.mark.parametrize(
    "work", [lambda: np.empty(2**60, np.uint8), lambda: torch.empty(2**60, dtype=torch.uint8)]
)
def test_arrays_and_tensors_that_are_too_large(work):
    line = str(as_out_of_memory(caught(work)))
    assert line.startswith("out of memory (") and line.endswith(f"); {CPU}") and "\n" not in line


def test_a_process_of_a_pool_that_the_kernel_ended():
    with ProcessPoolExecutor(1) as pool:
        error = caught(pool.submit(kill_itself).result)
    assert isinstance(error, BrokenProcessPool)
    assert "one of its processes was killed" in str(as_out_of_memory(error))


def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), f"out of memory (MemoryError); {CPU}"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out of memory ([Errno 12]"),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ..."),
            "the GPU is out of memory (CUDA out of memory); set a smaller batch_size",
        ),
        (
            RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be"),
            "the GPU is out of memory (CUDA error: ",
        ),
        (
            RuntimeError("DataLoader worker (pid(s) 12) is killed by signal: Killed. "),
            "out of memory (one of",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), None),
        (ValueError("shapes differ"), None),
    ],
)
def test_errors_of_memory_are_told_from_others(error, said):
    found = as_out_of_memory(error)
    assert (found is None) if said is None else str(found).startswith(said)


def test_a_cause_counts_and_the_error_crosses_processes():
    try:
        try:
            raise MemoryError("for (9, 9)")
        except MemoryError as error:
            raise ValueError("not read") from error
    except ValueError as error:
        found = as_out_of_memory(error)
    assert str(found).startswith("out of memory (for (9, 9))")
    assert str(pickle.loads(pickle.dumps(found))) == str(found)


def test_the_kernel_counts_what_it_ended(tmp_path, monkeypatch):
    file = tmp_path / "vmstat"
    monkeypatch.setattr(memory, "_VMSTAT", file)
    assert kernel_kills() is None
    file.write_text("pgfault 7\noom_kill 3\n")
    assert kernel_kills() == 3
