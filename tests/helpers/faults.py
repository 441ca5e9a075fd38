"""Faults that end jobs or the workflow itself while a study runs, and what must be the same afterwards."""

from __future__ import annotations

import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from checkout import Checkout


class Kill(NamedTuple):
    """What is killed: a job, the workflow's own process, or all.

    Attributes
    ----------
    what : str
        ``job``, ``workflow`` or ``all``.
    by : signal
        Sent to it.
    during : str
        Script whose job must run at that time; empty: any.
    """

    what: str
    by: signal.Signals
    during: str = ""


#: One of each kind, in the order in which a study comes by.
KILLS = (
    Kill("job", signal.SIGKILL, "harmonise"),
    Kill("job", signal.SIGTERM, "train_model"),
    Kill("workflow", signal.SIGKILL, "train_model"),
    Kill("workflow", signal.SIGTERM, "train_model"),
    Kill("all", signal.SIGKILL, "synthesise_chunk"),
)
#: Files that record when and how long something ran.
_TIMES = re.compile(r"/(logs|benchmarks|report|tables)/|training\.json$|history\.csv$|report\.html$")
_JOB = "/.snakemake/scripts/"
#: Names of what is left by who did not end in order.
_LITTER = ("**/.partial-*", "**/lease.json", "checkpoints/**/checkpoint-*")


class FaultyRun:
    """A study that is killed again and again, and run again each time with the same command.

    Parameters
    ----------
    checkout : Checkout
        Where it runs.
    arguments : sequence of str
        Of Snakemake.
    seed : int
        Of the times and the kinds of kills.
    """

    def __init__(self, checkout: Checkout, arguments: Sequence[str], seed: int) -> None:
        self.checkout, self.arguments = checkout, [*arguments]
        self.random = random.Random(seed)
        self.killed: list[str] = []
        self.unlocked = 0
        self._log = checkout.root / "faults.log"

    def kill(self, kills: Sequence[Kill], between_s: tuple[float, float]) -> None:
        """Kill what is said, then let the study end.

        Parameters
        ----------
        kills : sequence of Kill
            Where the study ends before, fewer are killed.
        between_s : (float, float)
            Shortest and longest time from when a job that fits is seen to the kill, in seconds.
        """
        process: subprocess.Popen[bytes] | None = None
        for kill in kills:
            jobs: list[psutil.Process] = []
            while not jobs:
                if process and process.poll() == 0:
                    return
                # A killed job ends the workflow after the jobs that run beside it.
                process = process if process and process.poll() is None else self._start()
                if self._wait_for_a_job(process, kill.during):
                    time.sleep(self.random.uniform(*between_s))
                    jobs = self._jobs(process, kill.during)
            names = sorted({self._script(job) for job in jobs})
            if kill.what == "job":
                job = self.random.choice(jobs)
                _signal([*job.children(recursive=True), job], kill.by)
            elif kill.what == "workflow":
                process.send_signal(kill.by)
            else:
                _signal([*psutil.Process(process.pid).children(recursive=True)], kill.by)
                process.send_signal(kill.by)
            self.killed.append(f"{kill.by.name} {kill.what}: {', '.join(names)}")
            if kill.what != "job":
                process.wait()
        if process:
            process.wait()
        self._end()

    def preempt(self, times: int, between_s: tuple[float, float]) -> None:
        """Requeue one of Slurm's running jobs so many times, as a cluster does that preempts, then let the study end.

        Arguments of Snakemake must name a profile of Slurm.
        """
        process = self._start()
        while len(self.killed) < times and process.poll() is None:
            time.sleep(self.random.uniform(*between_s))
            asked = ["squeue", "--noheader", "--states", "RUNNING", "--format", "%i %k"]
            running = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
            if running:
                number, _, rule = self.random.choice(running).partition(" ")
                done = subprocess.run(["scontrol", "requeue", number], capture_output=True, text=True)
                if done.returncode == 0:
                    self.killed.append(f"requeue: {rule}")
        process.wait()
        self._end()

    def _start(self) -> subprocess.Popen[bytes]:
        self._unlock()
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "snakemake", *self.arguments],
                cwd=self.checkout.root,
                env={**os.environ, "PYTHONPATH": str(self.checkout.root / "src"), "SYNTHAUG_GPUS": "0"},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _unlock(self) -> None:
        locks = self.checkout.root / ".snakemake" / "locks"
        if locks.is_dir() and any(locks.iterdir()):
            self.unlocked += 1
            self.checkout.snakemake("--unlock", *self.arguments)

    def _end(self) -> None:
        """The same command until it succeeds: a training whose lease an orphan holds is refused, and the orphan ends."""
        for _ in range(20):
            process = self._start()
            if process.wait() == 0:
                return
            time.sleep(3)
        raise AssertionError(self._log.read_text()[-6000:])

    def _wait_for_a_job(self, process: subprocess.Popen[bytes], during: str) -> bool:
        while process.poll() is None:
            if self._jobs(process, during):
                return True
            time.sleep(0.05)
        return False

    def _jobs(self, process: subprocess.Popen[bytes], during: str) -> list[psutil.Process]:
        try:
            below = psutil.Process(process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        scripts = [(child, self._script(child)) for child in below]
        return [child for child, script in scripts if script and during in ("", script)]

    @staticmethod
    def _script(process: psutil.Process) -> str:
        """Name of the script that a job runs; empty where it is no job."""
        try:
            words = [word for word in process.cmdline() if _JOB in word]
        except psutil.Error:
            return ""
        return words[0].rpartition(".py")[0].rpartition(".")[2] if words else ""


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def litter(results: Path) -> list[str]:
    """What a finished study must not leave behind."""
    return sorted(str(file.relative_to(results)) for pattern in _LITTER for file in results.glob(pattern))


def contents(results: Path) -> dict[str, str]:
    """Hash of every file whose content does not follow from when it was made."""
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(results.rglob("*"))
        if file.is_file() and not _TIMES.search(name := "/" + str(file.relative_to(results)))
    }
