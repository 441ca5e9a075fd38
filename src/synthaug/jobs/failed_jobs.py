"""Why a job failed, in one line on the screen of the run that started it.

Snakemake says there what Slurm says, that a job failed; the reason is in the job's log. A job that this machine runs itself
says its reason on the screen, unless it was killed.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from snakemake_interface_logger_plugins.common import LogEvent

from synthaug.core.memory import kernel_kills
from synthaug.jobs.attempts import ended_attempts, how_it_was_done

_READ = 20_000  # bytes of a log's end
#: What the output of a submitted job says of its end, from what tells most: Slurm ends it for its time limit, memory,
#: node or preemption; Snakemake sees its process die; Slurm sees its exit code.
_OF_MEMORY = re.compile(
    r"^(?:slurmstepd\S*|srun): error: (.*(?:exceeded memory limit|oom.kill|out.of.memory).*)$",
    re.MULTILINE | re.IGNORECASE,
)
_ENDS = (
    ("Slurm: ", _OF_MEMORY),
    ("Slurm: ", re.compile(r"^slurmstepd\S*: error: (.*)$", re.MULTILINE)),
    ("", re.compile(r"(?<=died with )<Signals\.(\w+): \d+>")),
    ("itself: ", re.compile(r"^srun: error: (.*)$", re.MULTILINE)),
)
_REASON = re.compile(r"^synthaug: .*$", re.MULTILINE)
#: As the executor says it of a job that Slurm did not take.
_NOT_TAKEN = re.compile(r"sbatch failed\. The error message was '(.*?)'\.?$", re.MULTILINE | re.DOTALL)
_MORE_MEMORY = (
    "the next attempt gets more memory where mem_mb grows with it, as in profiles/slurm; else set a larger mem_mb for the "
    "rule (set-resources) and run again"
)
_AT_ONCE_S = 60  # that jobs which were ended together may fail apart
_FEWER_JOBS = "run again with fewer jobs at a time (--cores) or a smaller batch_size"


class FailureLines(logging.Handler):
    """A handler of Snakemake's logger that says one line for each job that failed, or was done in a later attempt only.

    Parameters
    ----------
    screen : TextIO, optional
        Where; standard error if not given.
    submitted : bool
        Whether jobs run elsewhere. Of those that this machine runs itself, only killed ones are spoken for.
    """

    def __init__(self, screen: TextIO | None = None, submitted: bool = True) -> None:
        super().__init__()
        self._screen, self._submitted = screen, submitted
        self._kills = kernel_kills()
        self._at_once = self._unnamed = (
            0  # processes that were ended together; those of them that no job was said to be
        )
        self._noticed = 0.0
        self._logs: dict[int, tuple[str, Path]] = {}
        self._ended: dict[int, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Say why, where the record is of a failed job; say how often it was tried, where it is of one that is done."""
        event, job = getattr(record, "event", None), record.__dict__
        try:
            line = None
            if event == LogEvent.JOB_INFO and job["log"]:
                log = Path(job["log"][0])
                self._logs[job["jobid"]] = (job["rule_name"], log)
                self._ended[job["jobid"]] = ended_attempts(log)
            elif event == LogEvent.JOB_ERROR:
                line = self._failed(record)
            elif event == LogEvent.JOB_FINISHED and job["job_id"] in self._logs:
                rule, log = self._logs.pop(job["job_id"])
                if how := how_it_was_done(log):
                    line = f"synthaug: {rule}: {how} [{log}]"
            if line:
                print(line, file=self._screen or sys.stderr, flush=True)
        except Exception:  # the run must go on
            self.handleError(record)

    def _failed(self, record: Any) -> str | None:
        rule, logs = record.rule_name, [Path(log) for log in record.log]
        if refusal := _NOT_TAKEN.search(getattr(record, "rule_msg", None) or ""):
            said = " ".join(refusal[1].replace("sbatch: error:", "").split())
            return f"synthaug: {rule}: not taken by Slurm: {said}; correct the profile (make slurm-check says what there is)"
        if self._submitted:
            return why_it_failed(rule, logs)
        # What wrote down its end has said its reason; on a disk that takes no more, its log may be all it could write.
        if not logs or ended_attempts(logs[0]) > self._ended.get(record.jobid, 0):
            return None
        if (_end_of(logs[0]) or "").rstrip().rpartition("\n")[2].startswith(f"synthaug: {rule}: "):
            return None
        ended = self._ended_for_memory()
        where = _last_line(logs[0], _end_of(logs[0]))
        if not ended:
            return f"synthaug: {rule}: killed (SIGKILL, or a fault in native code); {where}; run again"
        processes = f"{ended} process{'' if ended == 1 else 'es'}"
        return f"synthaug: {rule}: out of memory: killed, and this machine ended {processes} for lack of memory; {where}; {_FEWER_JOBS}"

    def _ended_for_memory(self) -> int:
        """How many processes the kernel has just ended for lack of memory, of which a killed job is taken to be one; else 0.

        Jobs that were ended at once fail one after the other, and the kernel's counter has all of them from the first on.
        """
        before, self._kills = self._kills, kernel_kills()
        new, now = (self._kills or 0) - (before or 0), time.monotonic()
        if now - self._noticed > _AT_ONCE_S:
            self._unnamed = 0
        if new > 0:
            self._unnamed += new
            self._at_once, self._noticed = self._unnamed, now
        if not self._unnamed:
            return 0
        self._unnamed -= 1
        return self._at_once


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
    where = _last_line(path, text) if logs else "it has no log"
    if any(_OF_MEMORY.search(end or "") for _, end in others):
        return f"synthaug: {rule}: out of memory: ended by {by_slurm}; {where}; {_MORE_MEMORY}"
    if by_slurm:
        return f"synthaug: {rule}: ended by {by_slurm}; {where}"
    return f"synthaug: {rule}: " + "; ".join([where, *(f"see {other}" for other, end in others if end)])


def _last_line(path: Path, text: str | None) -> str:
    """How far the log of a job goes."""
    if text is None:
        return f"it wrote no log ({path})"
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), None)
    return f"its log ends with: {last} [{path}]" if last else f"its log is empty [{path}]"


def _end_of(path: Path) -> str | None:
    """The last lines of a file; None where it is not there."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - _READ))
            return stream.read().decode(errors="replace")
    except OSError:
        return None
