"""Pools of forked processes that end with the process that started them, however that ends."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def forked_pool(
    processes: int, initializer: Callable[..., object] | None = None, initargs: tuple[Any, ...] = ()
) -> ProcessPoolExecutor:
    """A pool of forked processes.

    A spawned process would run the calling workflow script once more, which those do not guard against; a forked one does
    not. The caller must have started no threads that a fork could break.

    Parameters
    ----------
    processes : int
        Number of processes.
    initializer : callable, optional
        Called in each process before its work, with `initargs`.
    initargs : tuple
        Arguments of `initializer`, inherited with the fork.

    Returns
    -------
    ProcessPoolExecutor
        Its processes end when this one is killed, too; those of Python wait for work for ever.
    """
    return ProcessPoolExecutor(
        processes, multiprocessing.get_context("fork"), _begin, (initializer, initargs)
    )


def _begin(initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if initializer is not None:
        initializer(*initargs)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
