"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, Protocol


class Progress(Protocol):
    """What `progress` makes; a function of the first two arguments will do where no note is given."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show how many are done of how many, and a note, for example the loss."""


def progress(what: str, start: int = 0, every_s: float = 10.0) -> Progress:
    """Make a function to call with how many are done of how many.

    Parameters
    ----------
    what : str
        Unit that is counted, for example ``"subjects"``.
    start : int
        How many were done before, by a run that was interrupted.
    every_s : float
        Seconds between two lines where the output is not a terminal.
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
        if done == total or now - state["said"] > every_s:
            state["said"], rate = now, (done - start) / max(now - began, 1e-9)
            left = f"{rate:.3g}/s, {(total - done) / rate:.0f} s left" if rate > 0 else ""
            print(", ".join(filter(None, (f"{done} of {total} {what}", left, note))), file=sys.stderr)

    return show
