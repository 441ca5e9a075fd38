"""Why a submitted job failed, in one line on the screen of the run that submitted it.

Snakemake says there what Slurm says, that a job failed; the reason is in the job's log. A job that this machine runs itself
says its reason on the screen.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from snakemake_interface_logger_plugins.common import LogEvent

_READ = 20_000  # bytes of a log's end
#: What the output of a submitted job says of its end, from what tells most: Slurm ends it for its time limit, memory,
#: node or preemption; Snakemake sees its process die; Slurm sees its exit code.
_ENDS = (
    ("Slurm: ", re.compile(r"^slurmstepd\S*: error: (.*)$", re.MULTILINE)),
    ("", re.compile(r"(?<=died with )<Signals\.(\w+): \d+>")),
    ("itself: ", re.compile(r"^srun: error: (.*)$", re.MULTILINE)),
)
_REASON = re.compile(r"^synthaug: .*$", re.MULTILINE)


class FailureLines(logging.Handler):
    """A handler of Snakemake's logger that says one line for each job that failed.

    Parameters
    ----------
    screen : TextIO, optional
        Where; standard error if not given.
    """

    def __init__(self, screen: TextIO | None = None) -> None:
        super().__init__()
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        """Say why, where the record is of a failed job."""
        if getattr(record, "event", None) != LogEvent.JOB_ERROR:
            return
        failed: Any = record
        try:
            line = why_it_failed(failed.rule_name, list(map(Path, failed.log)))
            print(line, file=self._screen or sys.stderr, flush=True)
        except Exception:  # the run must go on
            self.handleError(record)


def why_it_failed(rule: str, logs: Sequence[Path]) -> str:
    """One line on a job that failed.

    Parameters
    ----------
    rule : str
        Its rule.
    logs : sequence of Path
        The rule's own log, then that of Slurm where there is one.

    Returns
    -------
    str
        The last line that the job itself gave as its reason. Where it could not: what Slurm wrote when it ended the job,
        and how far the log goes.
    """
    own, *others = [(path, _end_of(path)) for path in logs] or [(Path(), None)]
    path, text = own
    if text and (said := _REASON.findall(text)) and not said[-1].endswith("stopped by SIGTERM"):
        return f"{said[-1]} [{path}]" if str(path) not in said[-1] else said[-1]
    by_slurm = next(
        (
            f"{who}{found[-1].strip()} [{other}]"
            for other, end in others
            for who, pattern in _ENDS
            if (found := pattern.findall(end or ""))
        ),
        None,
    )
    last = next((line.strip() for line in reversed((text or "").splitlines()) if line.strip()), None)
    if text is None:
        where = f"it wrote no log ({path})" if logs else "it has no log"
    else:
        where = f"its log ends with: {last} [{path}]" if last else f"its log is empty [{path}]"
    if by_slurm:
        return f"synthaug: {rule}: ended by {by_slurm}; {where}"
    return f"synthaug: {rule}: " + "; ".join([where, *(f"see {other}" for other, end in others if end)])


def _end_of(path: Path) -> str | None:
    """The last lines of a file; None where it is not there."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _READ))
            return stream.read().decode(errors="replace")
    except OSError:
        return None
