"""What every workflow script does around its one call: its log, and errors in one line."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from synthaug.core.disk import CannotWriteError, as_cannot_write, opening
from synthaug.core.errors import SynthaugError
from synthaug.core.gpus import check_gpu
from synthaug.core.interruption import ending_in_order
from synthaug.core.plugins import name_plugins, plugins_in


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
    The log is appended to: a job that was preempted and resumes keeps its history.
    """
    log_path = Path(snakemake.log[0])
    screen = sys.stderr
    try:
        with opening(log_path):
            log_path.parent.mkdir(parents=True, exist_ok=True)
            log = log_path.open("a", encoding="utf-8", buffering=1)
    except CannotWriteError as error:
        sys.exit(f"synthaug: {snakemake.rule}: {error}")
    name_plugins(plugins_in(getattr(snakemake, "config", {})))
    sys.stdout = sys.stderr = _Tee(log, screen)
    try:
        check_gpu(int(getattr(snakemake, "resources", {}).get("gpu", 0)))
        with ending_in_order():
            yield
    except SynthaugError as error:
        _end(snakemake.rule, error, log, screen)
    except Exception as error:
        made = ", ".join(map(str, getattr(snakemake, "output", ()))) or str(log_path)
        full = as_cannot_write(error, f"{made} or the temporary folder {os.environ.get('TMPDIR', '/tmp')}")
        _write(log, traceback.format_exc())
        if full is not None:
            _end(snakemake.rule, full, log, screen)
        _say(f"synthaug: {snakemake.rule}: unexpected error; see {log_path}", log, screen)
        raise
    finally:
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        with suppress(OSError):
            log.close()


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
