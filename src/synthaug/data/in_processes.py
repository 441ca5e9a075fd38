"""Work on subjects in several processes, one of which may be killed without the others being lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from synthaug.core.forked_pool import forked_pool

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], processes: int, killed: Callable[[Item], Result]
) -> Iterator[Result]:
    """Results in the order of the items.

    Parameters
    ----------
    work : callable
        Function of a module, or a `functools.partial` of one.
    items : sequence
        What it is called with.
    processes : int
        Items at a time, each in one process.
    killed : callable
        The result of an item whose process was killed, by the kernel for lack of memory or by anyone.

    Yields
    ------
    Result

    Notes
    -----
    When a process of a pool is killed, Python does not say whose: the items that it may have had are done again, one at
    a time, so that the one which kills its process is found and the others are kept.
    """
    if processes == 1 or len(items) == 1:
        yield from map(work, items)
        return
    first = 0
    while first < len(items):
        with forked_pool(min(processes, len(items) - first)) as pool:
            futures = [pool.submit(work, item) for item in items[first:]]
            for future in futures:
                try:
                    result = future.result()
                except BrokenProcessPool:
                    break
                yield result
                first += 1
        # A pool hands out one item more than it has processes.
        suspects = items[first : first + processes + 1]
        for item in suspects:
            yield _alone(work, item, killed)
        first += len(suspects)


def _alone(work: Callable[[Item], Result], item: Item, killed: Callable[[Item], Result]) -> Result:
    with forked_pool(1) as pool:
        future: Future[Result] = pool.submit(work, item)
        try:
            return future.result()
        except BrokenProcessPool:
            return killed(item)
