"""When a training saves: after minutes, not steps, so that a hard kill costs a slow training no more than a fast one."""

from __future__ import annotations

from time import monotonic


class CheckpointTimes:
    """Says when the next checkpoint is due. What is saved does not depend on it, nor do the weights.

    Parameters
    ----------
    minutes : float
        Least time from the start to the first checkpoint, and from the end of one to the next.
    """

    def __init__(self, minutes: float) -> None:
        self._seconds = 60 * minutes
        self._saved = monotonic()

    @property
    def due(self) -> bool:
        """Whether the time has passed."""
        return monotonic() - self._saved >= self._seconds

    def saved(self) -> None:
        """Count from now on: a checkpoint was written."""
        self._saved = monotonic()
