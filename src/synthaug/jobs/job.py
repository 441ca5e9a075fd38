"""What every workflow script does around its one call: its log, and errors in one line."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from synthaug.core.disk import CannotWriteError, as_cannot_write, opening, write_failure
from synthaug.core.errors import PassingError, SynthaugError
from synthaug.core.memory import as_out_of_memory
from synthaug.core.plugins import name_plugins, plugins_in
from synthaug.jobs.attempts import Attempt, gpu_line
from synthaug.jobs.gpus import check_gpu
from synthaug.jobs.interruption import INTERRUPTED, ending_in_order, listeners


class _Tee:
    """Writes to the log and, where that is a terminal, to the screen as well."""

    def __init__(self, log: Any, screen: Any) -> None:
        self._streams = [log, screen] if screen.isatty() else [log]
        self._screen = screen

    def write(self, text: str) -> int:
        for stream in self._streams:
            with suppress(OSError):  # a log on a full disk must not hide why the work fails
                stream.write(text)
        return len(text)

    def flush(self) -> None:
        for stream in self._streams:
            with suppress(OSError):
                stream.flush()

    def isatty(self) -> bool:
        return bool(self._screen.isatty())


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Run a script's work: output goes to the rule's log, a user's error is one line.

    Parameters
    ----------
    snakemake : snakemake.script.Snakemake
        The object Snakemake gives to scripts.

    Notes
    -----
    The log begins with when and where the attempt started, written as soon as the script imports this module, so that none
    is empty; of one that failed it ends with the reason. Snakemake deletes it before the next attempt; the history beside it has all: `synthaug.jobs.attempts`.
    """
    log_path = Path(snakemake.log[0])
    screen = sys.stderr
    log, attempt = _begun.pop(log_path) if log_path in _begun else _begin(snakemake)
    name_plugins(plugins_in(getattr(snakemake, "config", {})))
    sys.stdout = sys.stderr = _Tee(log, screen)
    listeners.append(attempt.signalled)
    try:
        if gpus := int(getattr(snakemake, "resources", {}).get("gpu", 0)):
            _write(log, gpu_line() + "\n")
            check_gpu(gpus)
        with ending_in_order():
            yield
        attempt.end()
    except SynthaugError as error:
        passing = isinstance(error, PassingError) or as_out_of_memory(error) or write_failure(error)
        attempt.end(str(error), for_good=not passing)
        _end(snakemake.rule, error, log, screen)
    except Exception as error:
        made = ", ".join(map(str, getattr(snakemake, "output", ()))) or str(log_path)
        lacking = as_out_of_memory(error) or as_cannot_write(
            error, f"{made} or the temporary folder {os.environ.get('TMPDIR', '/tmp')}"
        )
        _write(log, traceback.format_exc())
        if lacking is not None:
            attempt.end(str(lacking))
            _end(snakemake.rule, lacking, log, screen)
        what = " ".join(f"{type(error).__name__}: {error}".split())
        attempt.end(what)
        _say(f"synthaug: {snakemake.rule}: unexpected error: {what}; see {log_path}", log, screen)
        _say_no_more_of(error)
        raise
    except SystemExit as stopped:
        _end_early(attempt, stopped.code, snakemake.rule, log)
        raise
    except KeyboardInterrupt:
        _end_early(attempt, 128 + signal.SIGINT, snakemake.rule, log)
        raise
    finally:
        listeners.remove(attempt.signalled)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        with suppress(OSError):
            log.close()


def _begin(snakemake: Any) -> tuple[Any, Attempt]:
    """Open the log of a job and write its first line."""
    log_path = Path(snakemake.log[0])
    try:
        with opening(log_path):
            log_path.parent.mkdir(parents=True, exist_ok=True)
            log = log_path.open("a", encoding="utf-8", buffering=1)
    except CannotWriteError as error:
        sys.exit(f"synthaug: {snakemake.rule}: {error}")
    attempt = Attempt(log_path)
    _write(log, attempt.first_line + "\n")
    return log, attempt


def _end_early(attempt: Attempt, code: Any, rule: str, log: Any) -> None:
    """Write down an end by a signal; a training has said itself that it was interrupted, and where."""
    if code == INTERRUPTED:
        attempt.end("interrupted after a checkpoint; run again to go on")
        return
    by_signal = isinstance(code, int) and code - 128 in set(signal.Signals)
    how = f"stopped by {signal.Signals(code - 128).name}" if by_signal else f"exit {code}"
    attempt.end(how)
    _write(log, f"synthaug: {rule}: {how}\n")


def _say_no_more_of(error: Exception) -> None:
    """Keep the traceback of an error, which is in the log, from the screen; a debugger still finds the error."""

    def excepthook(kind: type[BaseException], value: BaseException, trace: Any) -> None:
        if value is not error:
            sys.__excepthook__(kind, value, trace)

    sys.excepthook = excepthook


def _end(rule: str, error: SynthaugError, log: Any, screen: Any) -> NoReturn:
    for line in str(error).splitlines():
        _say(f"synthaug: {rule}: {line}", log, screen)
    sys.exit(1)


def _write(log: Any, text: str) -> None:
    with suppress(OSError):  # the disk may be full
        log.write(text)


def _say(line: str, log: Any, screen: Any) -> None:
    _write(log, line + "\n")
    screen.write(line + "\n")
    screen.flush()


# A script of Snakemake has its `snakemake` from the start. What it imports after this module can take a minute on a network
# disk: a job that is killed meanwhile must have a log, too. Processes that a job starts are no jobs.
_begun: dict[Path, tuple[Any, Attempt]] = {}
_script = getattr(sys.modules.get("__main__"), "snakemake", None)
if _script is not None and multiprocessing.parent_process() is None:
    _begun[Path(_script.log[0])] = _begin(_script)
