"""What the next step needs, made while the GPU computes this one."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Made = TypeVar("Made")


class MadeAhead(Generic[Made]):
    """What a function of the number of a step makes; that of the next step in a thread, after each.

    The function must depend on the number alone, and on nothing that a step changes: then it makes the same in a thread. An
    error of it is raised by the step that takes what it should have made.

    Parameters
    ----------
    make : callable
        Takes the number of a step.
    steps : int
        Steps of the training: nothing is made beyond the last.
    ahead : bool
        False: everything is made when it is taken, for a training on the processor, which has no time to spare.

    Attributes
    ----------
    waited : float
        Seconds that `take` took in all: what the steps waited for.
    """

    def __init__(self, make: Callable[[int], Made], steps: int, ahead: bool) -> None:
        self._make, self._steps = make, steps
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batch") if ahead else None
        self._next: tuple[int, Future[Made]] | None = None
        self.waited = 0.0

    def take(self, step: int) -> Made:
        """What `make` makes of this step."""
        started = time.monotonic()
        pending, self._next = self._next, None
        made = pending[1].result() if pending is not None and pending[0] == step else self._make(step)
        if self._thread is not None and step + 1 < self._steps:
            self._next = (step + 1, self._thread.submit(self._make, step + 1))
        self.waited += time.monotonic() - started
        return made
