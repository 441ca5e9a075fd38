"""Work of threads beside the thread that goes on making what they work on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def beside(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Results of `work` on every item, in their order; threads work while the next items are made.

    Parameters
    ----------
    work : callable
        Takes an item; called from several threads at once, so that it must not change what others read.
    items : iterable
        Drawn in the calling thread. At most twice as many as there are threads wait.
    threads : int
        0: everything in the calling thread, one item after the other.

    Yields
    ------
    object
        What `work` returned. An error of it is raised in the place of its result; what waits then is not begun.
    """
    if not threads:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="beside")
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            while waiting and (waiting[0].done() or len(waiting) > 2 * threads):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
