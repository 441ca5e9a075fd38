"""One training in several processes, by torchrun.

torchrun knows one outcome, success; a training has three: finished, stopped, failed. So each worker
writes its outcome to a folder that it shares with the launching process. A request to stop is a file in
that folder, which also reaches a worker that handles no signals yet.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import IO

from synthaug.core.artifacts import read_json, write_json, write_text
from synthaug.core.disk import CannotWriteError
from synthaug.core.errors import PassingError, SynthaugError
from synthaug.core.leftovers import temporary_folder
from synthaug.core.plugins import name_plugins, named_plugins
from synthaug.jobs.interruption import INTERRUPTED, SIGNALS, interruptible
from synthaug.training.task import Task

_TASK, _PLUGINS, _STOP, _STOPPED, _ERROR = "task.json", "plugins.json", "stop", "stopped", "error"
_POLL_S = 0.2


def launch(task: Task, processes: int) -> None:
    """Train in `processes` processes on this machine and end as a training in this process would.

    Parameters
    ----------
    task : Task
        What each is given.
    processes : int
        At least 2.

    Raises
    ------
    SystemExit
        With code `INTERRUPTED`, after a signal to this process or to any worker, and a checkpoint.
    SynthaugError
        The workers' own.
    RuntimeError
        A worker died; its traceback is in the output.
    """
    with temporary_folder("training") as name, interruptible() as interruption:
        folder = Path(name)
        write_text(folder / _TASK, task.model_dump_json())
        write_json(folder / _PLUGINS, named_plugins())
        torchrun = subprocess.Popen(
            _command(processes, folder),
            env={**os.environ, "OMP_NUM_THREADS": str(task.threads)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A scheduler signals all processes of a job; torchrun would kill its workers for it.
            preexec_fn=_ignore_signals,
        )
        assert torchrun.stdout is not None
        echo = Thread(target=_echo, args=(torchrun.stdout,))
        echo.start()
        while torchrun.poll() is None:
            if interruption.requested:
                (folder / _STOP).touch()
            time.sleep(_POLL_S)
        echo.join()
        if (folder / _ERROR).exists():
            said = read_json(folder / _ERROR)
            raise (PassingError if said["passing"] else SynthaugError)(said["message"])
        if torchrun.returncode:
            raise RuntimeError(f"torchrun ended with code {torchrun.returncode}; its output says why")
        if (folder / _STOPPED).exists():
            raise SystemExit(INTERRUPTED)


def _command(processes: int, folder: Path) -> list[str]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    options = ["--nproc-per-node", str(processes), "--signals-to-handle", "SIGHUP"]
    return [*torchrun, *options, "-m", __name__, str(folder)]


def _ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _echo(output: IO[str]) -> None:
    for line in output:
        sys.stderr.write(line)


def _work(folder: Path) -> None:
    """What each process does that torchrun starts."""
    from synthaug.training.train import train

    name_plugins(read_json(folder / _PLUGINS))
    task = Task.model_validate_json((folder / _TASK).read_text(encoding="utf-8"))
    try:
        train(task, stop_request=folder / _STOP)
    except SynthaugError as error:
        passing = isinstance(error, PassingError | CannotWriteError)
        write_json(folder / _ERROR, {"message": str(error), "passing": passing})
        sys.exit(1)  # ends the others, too
    except SystemExit as end:
        if end.code != INTERRUPTED:
            raise
        write_text(folder / _STOPPED, "")


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
