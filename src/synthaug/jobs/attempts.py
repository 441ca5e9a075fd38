"""The attempts of a job: what its log begins with, and a history that Snakemake does not delete.

Snakemake deletes a declared log before each attempt, also before that of a job which was preempted. The history is
declared nowhere: ``logs/<rule>/<job>.history.log`` beside ``<job>.log``, one line a start, signal and end.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from synthaug import __version__

_START = re.compile(r"^\S+ attempt (\d+) started", re.MULTILINE)
_END = re.compile(r"^\S+ attempt (\d+) (ended|failed for good) after [\d.]+ s: (.*)$", re.MULTILINE)
_DONE = "done"


class Attempt:
    """One attempt of a job, written down from its start on.

    Parameters
    ----------
    log : Path
        The job's log, which has a folder.

    Attributes
    ----------
    first_line : str
        When and where it began, and as which attempt; what the log begins with.
    """

    def __init__(self, log: Path) -> None:
        self._file = history_of(log)
        self._began = time.monotonic()
        with suppress(OSError):  # a full disk must not hide why the work fails
            self._file.touch()
        self.number, unended = _next_attempt(self._file)
        began = f"attempt {self.number} started: {_where()}"
        if unended is not None:
            began += f"; attempt {unended} has no end: it was killed, or runs still"
        self.first_line = f"{_now()} {began}"
        self._write(self.first_line)

    def signalled(self, name: str) -> None:
        """Write down a signal, the moment it comes."""
        self._write(f"{_now()} attempt {self.number} got {name}")

    def end(self, how: str = _DONE, for_good: bool = False) -> None:
        """Write down how it ended, in one line, and whether another attempt would end likewise."""
        seconds = time.monotonic() - self._began
        verb = "failed for good" if for_good else "ended"
        self._write(f"{_now()} attempt {self.number} {verb} after {seconds:.1f} s: {' '.join(how.split())}")

    def _write(self, line: str) -> None:
        with suppress(OSError), self._file.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def history_of(log: Path) -> Path:
    """Where the attempts of the job of a log are written down."""
    return log.with_suffix(".history.log")


def failed_for_good(log: Path) -> bool:
    """Whether the last attempt of a job failed as any other would: its input is wrong, not its node."""
    last = _read(history_of(log)).rstrip().rpartition("\n")[2]
    return bool((end := _END.match(last)) and end[2] != "ended")


def ended_attempts(log: Path) -> int:
    """How many attempts of a job wrote down their end; one that was killed did not, and perhaps not its start."""
    return len(_END.findall(_read(history_of(log))))


def how_it_was_done(log: Path) -> str | None:
    """Of a job that was done in a later attempt than its first: in which, and how the one before ended; else None."""
    lines = _read(history_of(log)).splitlines()
    starts = [number for number, line in enumerate(lines) if _START.match(line)]
    last = _END.match(lines[-1]) if lines else None
    if not last or last[3] != _DONE or last[1] == "1" or len(starts) < 2:
        return None
    before = [end for line in lines[starts[-2] : starts[-1]] if (end := _END.match(line))]
    how = before[-1][3] if before else "has no end, it was killed"
    return f"done in attempt {last[1]}; the one before: {how}"


def gpu_line() -> str:
    """The GPUs that this job sees, in one line; that there are none, where there are none."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    said = "" if visible is None else f" (CUDA_VISIBLE_DEVICES={visible})"
    if shutil.which("nvidia-smi") is None:
        return f"GPU: none, nvidia-smi is not here{said}"
    try:
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"GPU: unknown, nvidia-smi failed ({type(error).__name__}){said}"
    found = ", ".join(filter(None, map(str.strip, done.stdout.splitlines())))
    if done.returncode:
        return f"GPU: unknown, nvidia-smi failed ({' '.join((found or done.stderr).split())}){said}"
    return f"GPU: {found or 'none'}{said}"


def _next_attempt(history: Path) -> tuple[int, int | None]:
    """Number of the next attempt since the job was last done, and of the one before where that has no end."""
    text = _read(history)
    for done in reversed([*_END.finditer(text)]):
        if done[3] == _DONE:
            text = text[done.end() :]
            break
    started, ended = ([int(found[1]) for found in pattern.finditer(text)] for pattern in (_START, _END))
    if not started:
        return 1, None
    return started[-1] + 1, None if started[-1] in ended else started[-1]


def _read(history: Path) -> str:
    """What is in a history; nothing where it is not there."""
    try:
        return history.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _where() -> str:
    parts = [f"host {platform.node()}", f"process {os.getpid()}"]
    slurm = os.environ.get("SLURM_JOB_ID")
    if slurm:
        restarts = os.environ.get("SLURM_RESTART_COUNT")
        parts.append(f"Slurm job {slurm}" + (f", requeued {restarts} times" if restarts else ""))
    return ", ".join([*parts, f"synthaug {__version__}", _commit()])


def _commit() -> str:
    """The commit of the checkout that this package is in."""
    folder = Path(__file__).resolve().parents[3]
    if not (folder / ".git").exists():
        return "no checkout"
    try:
        command = ["git", "-C", str(folder), "rev-parse", "--short=12", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "commit unknown"
    return f"commit {done.stdout.strip()}" if done.returncode == 0 else "commit unknown"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
