"""Pools of processes: what their processes are given, and that none outlives a killed job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from synthaug.core.forked_pool import forked_pool

_KEPT: list[int] = []

_JOB = """
import sys, time, os
from pathlib import Path
from synthaug.core.forked_pool import forked_pool

def work(number):
    (Path(sys.argv[1]) / str(os.getpid())).touch()
    time.sleep(0.2 if number < 2 else 600)  # one idle, one at work when the job is killed

with forked_pool(2) as pool:
    list(pool.map(work, range(3)))
"""


def _sum_with_kept(number: int) -> int:
    return number + sum(_KEPT)


def test_every_process_is_initialised():
    with forked_pool(2, _KEPT.append, (10,)) as pool:
        assert list(pool.map(_sum_with_kept, range(4))) == [10, 11, 12, 13]
    assert _KEPT == []


def test_processes_end_with_a_killed_job(tmp_path: Path):
    job = subprocess.Popen([sys.executable, "-c", _JOB, str(tmp_path)])
    _wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
    processes = [int(file.name) for file in tmp_path.iterdir()]
    time.sleep(1)
    assert all(map(_runs, processes))
    os.kill(job.pid, signal.SIGKILL)
    job.wait()
    _wait_until(lambda: not any(map(_runs, processes)))


def _wait_until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # dead, and nobody has asked for its exit status yet
