"""Requests to stop a training: a signal or a file."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

#: Exit code of a training that was interrupted after it wrote a checkpoint: run it again to resume.
INTERRUPTED = 85
#: Signals that end a job.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
#: Each is told the name of a signal the moment it comes.
listeners: list[Callable[[str], None]] = []


def _tell(number: int) -> None:
    for listener in listeners:
        listener(signal.Signals(number).name)


class Interruption:
    """A request to stop, which the training follows after the step it is in.

    Parameters
    ----------
    request : Path, optional
        A file whose existence is the same request.
    """

    def __init__(self, request: Path | None = None) -> None:
        self._request = request
        self._signalled = False
        self._process = os.getpid()

    @property
    def requested(self) -> bool:
        """Whether this process was told to stop."""
        return self._signalled or (self._request is not None and self._request.exists())

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a forked data loader inherits this handler, and must end
            os._exit(128 + number)
        self._signalled = True
        _tell(number)


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Let a signal to stop end this process as an error would, so that what is half-written is removed.

    Further ones are not heard meanwhile: a scheduler sends several. An error that other code made of that end counts as the
    end: pydantic, which builds classes while modules are imported, raises its own errors. Does nothing outside the main thread,
    where Python lets nobody handle signals.
    """
    process = os.getpid()
    received: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:  # a forked worker inherits this handler
            os._exit(128 + number)
        _tell(number)
        for other in SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        received.append(number)
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, end) for number in SIGNALS}
    try:
        yield
    except Exception as error:
        if received:
            raise SystemExit(128 + received[0]) from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interruptible(request: Path | None = None) -> Iterator[Interruption]:
    """Turn signals to stop into a request; the handlers from before are restored at the end."""
    interruption = Interruption(request)
    before = {number: signal.signal(number, interruption) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
