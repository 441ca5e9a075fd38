"""Progress of a training: iterations, their rate, the time left and the loss."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator


def count_iterations(start: int, total: int, latest: Callable[[], str]) -> Iterator[int]:
    """Count iterations with a bar on a terminal and a line now and then elsewhere.

    Parameters
    ----------
    start, total : int
        First iteration, and the one that is not done any more.
    latest : callable
        What to show beside the rate.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(range(start, total), initial=start, total=total, unit="it") as bar:
            for iteration in bar:
                yield iteration
                bar.set_postfix_str(latest(), refresh=False)
        return
    said = began = time.monotonic()
    for iteration in range(start, total):
        yield iteration
        now, done = time.monotonic(), iteration + 1
        if now - said > 10 or done == total:
            said, rate = now, (done - start) / max(now - began, 1e-9)
            left = (total - done) / rate
            print(
                f"{done} of {total} iterations, {rate:.2f} it/s, {left:.0f} s left, {latest()}",
                file=sys.stderr,
            )
