"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any


def progress(what: str, every_s: float = 10.0) -> Callable[[int, int], None]:
    """Make a function to call with how many are done of how many.

    Parameters
    ----------
    what : str
        Unit that is counted, for example ``"subjects"``.
    every_s : float
        Seconds between two lines where the output is not a terminal.
    """
    state: dict[str, Any] = {"bar": None, "said": time.monotonic()}

    def show(done: int, total: int) -> None:
        if sys.stderr.isatty():
            if state["bar"] is None:
                from tqdm import tqdm

                state["bar"] = tqdm(total=total, unit=f" {what}", leave=False)
            state["bar"].update(done - state["bar"].n)
            if done == total:
                state["bar"].close()
        elif done == total or time.monotonic() - state["said"] > every_s:
            state["said"] = time.monotonic()
            print(f"{done} of {total} {what}", file=sys.stderr)

    return show
