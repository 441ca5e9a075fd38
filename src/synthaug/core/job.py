"""What every workflow script does around its one call: its log, and errors in one line."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthaug.core.errors import SynthaugError


class _Tee:
    """Writes to the log and, where that is a terminal, to the screen as well."""

    def __init__(self, log: Any, screen: Any) -> None:
        self._streams = [log, screen] if screen.isatty() else [log]
        self._screen = screen

    def write(self, text: str) -> int:
        for stream in self._streams:
            stream.write(text)
        return len(text)

    def flush(self) -> None:
        for stream in self._streams:
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
    log_path.parent.mkdir(parents=True, exist_ok=True)
    screen = sys.stderr
    with log_path.open("a", encoding="utf-8", buffering=1) as log:
        sys.stdout = sys.stderr = _Tee(log, screen)
        try:
            yield
        except SynthaugError as error:
            for line in str(error).splitlines():
                _say(f"synthaug: {snakemake.rule}: {line}", log, screen)
            sys.exit(1)
        except Exception:
            log.write(traceback.format_exc())
            _say(f"synthaug: {snakemake.rule}: unexpected error; see {log_path}", log, screen)
            raise
        finally:
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


def _say(line: str, log: Any, screen: Any) -> None:
    log.write(line + "\n")
    screen.write(line + "\n")
    screen.flush()
