"""What the next steps need, made while the GPU computes this one."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Made = TypeVar("Made")

#: Batches that are drawn ahead on a GPU, a thread each: a batch may take as many steps as that without one waiting for it.
STEPS_AHEAD = 3


class MadeAhead(Generic[Made]):
    """What a function of the number of a step makes; that of the next steps in threads, meanwhile.

    The function must depend on the number alone, and on nothing that a step changes: then it makes the same in a thread. An
    error of it is raised by the step that takes what it should have made.

    Parameters
    ----------
    make : callable
        Takes the number of a step; called from several threads at once.
    steps : int
        Steps of the training: nothing is made beyond the last.
    ahead : int
        How many steps ahead. 0: everything is made when it is taken, for a training on the processor, which has no time to
        spare.

    Attributes
    ----------
    waited : float
        Seconds that `take` took in all: what the steps waited for.
    """

    def __init__(self, make: Callable[[int], Made], steps: int, ahead: int) -> None:
        self._make, self._steps, self._ahead = make, steps, ahead
        self._threads = ThreadPoolExecutor(ahead, thread_name_prefix="batch") if ahead else None
        self._pending: dict[int, Future[Made]] = {}
        self.waited = 0.0

    def take(self, step: int) -> Made:
        """What `make` makes of this step."""
        started = time.monotonic()
        following = range(step + 1, min(step + 1 + self._ahead, self._steps))
        pending = self._pending.get(step)
        # Another step than was expected: what was made for others is of no use.
        self._pending = {other: made for other, made in self._pending.items() if other in following}
        if self._threads is not None:
            for other in following:
                if other not in self._pending:
                    self._pending[other] = self._threads.submit(self._make, other)
        made = self._make(step) if pending is None else pending.result()
        self.waited += time.monotonic() - started
        return made
