"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

_SECONDS_BETWEEN_LINES = 10.0


def progress(what: str, start: int = 0) -> Callable[..., None]:
    """Make a function to call with how many are done of how many and, optionally, a note such as the loss.

    Parameters
    ----------
    what : str
        Unit that is counted, for example ``"subjects"``.
    start : int
        How many were done before, by a run that was interrupted.
    """
    began = time.monotonic()
    state: dict[str, Any] = {"bar": None, "said": began}

    def show(done: int, total: int, note: str = "") -> None:
        if sys.stderr.isatty():
            if state["bar"] is None:
                from tqdm import tqdm

                state["bar"] = tqdm(total=total, initial=start, unit=f" {what}", leave=False)
            state["bar"].set_postfix_str(note, refresh=False)
            state["bar"].update(done - state["bar"].n)
            if done == total:
                state["bar"].close()
            return
        now = time.monotonic()
        if done == total or now - state["said"] > _SECONDS_BETWEEN_LINES:
            state["said"], rate = now, (done - start) / max(now - began, 1e-9)
            left = f"{rate:.3g}/s, {(total - done) / rate:.0f} s left" if rate > 0 else ""
            print(", ".join(filter(None, (f"{done} of {total} {what}", left, note))), file=sys.stderr)

    return show
