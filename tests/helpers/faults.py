"""Faults that end jobs or the workflow itself while a study runs, and what must be the same afterwards."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from checkout import Checkout
from machine_faults import (
    MemoryGroup,
    QuotaDisk,
    lose_node,
    reach_time_limit,
    read_only,
    shift_times,
    under_another_clock,
)

from synthaug.core.leftovers import TEMPORARY


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
_TIMES = re.compile(
    r"/(logs|benchmarks|report|tables)/|(training\.json|history\.csv)(\.sha256)?$|report\.html$"
)
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
        self._group: MemoryGroup | None = None
        self._clock_s = 0.0
        self._log = checkout.root / "faults.log"
        # Not below the checkout: the names of sockets in it would get too long.
        self._temporary = Path(tempfile.mkdtemp(prefix="faults-"))
        weakref.finalize(self, shutil.rmtree, self._temporary, ignore_errors=True)

    def kill(self, kills: Sequence[Kill], between_s: tuple[float, float]) -> None:
        """Kill what is said.

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

    def start_beside(self) -> subprocess.CompletedProcess[str]:
        """Start the same command while it runs; how the second one ended. The first is stopped afterwards."""
        process = self._start()
        assert self._wait_for_a_job(process, "")
        second = self.checkout.snakemake(*self.arguments, check=False)
        process.send_signal(signal.SIGTERM)
        process.wait()
        return second

    def preempt(self, times: int, between_s: tuple[float, float]) -> None:
        """Requeue one of Slurm's running jobs so many times, as a cluster does that preempts.

        Arguments of Snakemake must name a profile of Slurm.
        """
        self._on_slurm(times, between_s, self._requeue)

    def lose_nodes(self, times: int, between_s: tuple[float, float]) -> None:
        """Let the node of the small cluster die so many times while jobs run on it."""
        self._on_slurm(times, between_s, self._lose_node)

    def end_by_time_limit(self, times: int, between_s: tuple[float, float]) -> None:
        """Let Slurm end a training for its time limit so many times; where the study ends before, fewer.

        Arguments of Snakemake must let it try a failed job again.
        """
        self._on_slurm(times, between_s, self._end_by_time_limit)

    def exhaust_memory(self, times: int, between_s: tuple[float, float], mib: int, during: str = "") -> None:
        """Let the kernel end a process of the study for lack of memory so many times.

        Parameters
        ----------
        times : int
            Kills; where the study ends before, fewer.
        between_s : (float, float)
            Shortest and longest time from when a job is seen, in seconds.
        mib : int
            Memory of the whole workflow and a neighbour that takes what is left, in MiB.
        during : str
            Script whose job must run; empty: any.
        """
        self._group = MemoryGroup(mib)
        process, before = self._start(), len(self.killed)
        while len(self.killed) < before + times:
            if process.poll() == 0:
                break
            process = process if process.poll() is None else self._start()
            if self._wait_for_a_job(process, during):
                time.sleep(self.random.uniform(*between_s))
                jobs = self._jobs(process, during)
                if jobs:
                    names = sorted({self._script(job) for job in jobs})
                    if self._group.exhaust([job.pid for job in jobs]):
                        self.killed.append(f"out of memory: {', '.join(names)}")
        process.wait()
        self._group.remove()
        self._group = None

    def jump(self, seconds: Sequence[float], between_s: tuple[float, float]) -> None:
        """Stop the study and set the clock, so often.

        Parameters
        ----------
        seconds : sequence of float
            How far the clock goes forward (or back) each time. Forward, the next run sees a clock that is ahead of the file
            system's. Back, what was written before is of a time to come.
        between_s : (float, float)
            Shortest and longest time from when a job is seen, in seconds.
        """
        for jump in seconds:
            process = self._start()
            if self._wait_for_a_job(process, ""):
                time.sleep(self.random.uniform(*between_s))
            process.send_signal(signal.SIGTERM)
            if process.wait() == 0:
                return
            if jump < 0:
                for folder in ("results", ".snakemake"):
                    shift_times(self.checkout.root / folder, -jump)
            self._clock_s = max(0.0, jump)
            self.killed.append(f"clock {'back' if jump < 0 else 'forward'}: {abs(jump) / 3600:g} h")

    def exceed_quota(self, disk: QuotaDisk, mib: Sequence[float]) -> None:
        """Run within each quota, which is too small, and then take it away.

        Parameters
        ----------
        disk : QuotaDisk
            Mounted at ``results`` of the checkout.
        mib : sequence of float
            Quotas in MiB.
        """
        for quota in mib:
            disk.limit(quota)
            if self._start().wait() == 0:
                raise AssertionError(f"{quota} MiB are enough")
            self.killed.append(f"quota: {quota:.0f} MiB")
        disk.limit(None)

    def forbid_writing(self, between_s: tuple[float, float]) -> None:
        """Let results become read-only while a job runs, until the workflow has ended; needs root."""
        process = self._start()
        assert self._wait_for_a_job(process, "")
        time.sleep(self.random.uniform(*between_s))
        with read_only(self.checkout.root / "results"):
            assert process.wait() != 0
        self.killed.append("read-only: results")

    def lines(self, pattern: str) -> list[str]:
        """Lines of the workflow's screen that a pattern is found in."""
        return [line for line in self._log.read_text().splitlines() if re.search(pattern, line)]

    def litter(self) -> list[str]:
        """What the finished study must not leave behind: below its results, and in its folder for temporary files."""
        results = self.checkout.root / "results"
        found = [path for pattern in _LITTER for path in results.glob(f"*/{pattern}")]
        return sorted(map(str, [*found, *self._temporary.glob(f"{TEMPORARY}*")]))

    def _on_slurm(
        self, times: int, between_s: tuple[float, float], fault: Callable[[list[str]], str | None]
    ) -> None:
        process, before = self._start(), len(self.killed)
        while len(self.killed) < before + times and process.poll() is None:
            time.sleep(self.random.uniform(*between_s))
            asked = ["squeue", "--noheader", "--states", "RUNNING", "--format", "%i %k|%Z"]
            listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
            # Other studies may use the same cluster.
            own = f"|{self.checkout.root}"
            running = [line.removesuffix(own) for line in listed if line.endswith(own)]
            if running and (what := fault(running)):
                self.killed.append(what)
        process.wait()

    def _requeue(self, running: list[str]) -> str | None:
        number, _, rule = self.random.choice(running).partition(" ")
        done = subprocess.run(["scontrol", "requeue", number], capture_output=True, text=True)
        return f"requeue: {rule}" if done.returncode == 0 else None

    def _end_by_time_limit(self, running: list[str]) -> str | None:
        trainings = [line for line in running if line.partition(" ")[2].startswith("rule_train_")]
        if not trainings:
            return None
        number, _, rule = self.random.choice(trainings).partition(" ")
        if not self._wait_for_an_attempt(number):  # what has not begun has nothing to save
            return None
        # Those of Slurm are no children of this run.
        jobs = [one for one in psutil.process_iter() if self._script(one) and _slurm_job(one) == number]
        return f"time limit: {rule}" if jobs and reach_time_limit(number, jobs) else None

    def _wait_for_an_attempt(self, number: str, longest_s: float = 20) -> bool:
        """Whether the training of a job has written that it began."""
        until = time.monotonic() + longest_s
        while time.monotonic() < until:
            histories = (self.checkout.root / "results").glob("*/logs/train_*/*.history.log")
            if any(f"Slurm job {number}," in file.read_text() for file in histories):
                return True
            time.sleep(0.05)
        return False

    @staticmethod
    def _lose_node(running: list[str]) -> str:
        lose_node()
        return f"node lost: {', '.join(line.partition(' ')[2] for line in running)}"

    def _start(self) -> subprocess.Popen[bytes]:
        self._unlock()
        before, variables = under_another_clock(self._clock_s) if self._clock_s else ([], {})
        environment = {
            "PYTHONPATH": str(self.checkout.root / "src"),
            "SYNTHAUG_GPUS": "0",
            "TMPDIR": str(self._temporary),
            **variables,
        }
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [*before, sys.executable, "-m", "snakemake", *self.arguments],
                cwd=self.checkout.root,
                env={**os.environ, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if self._group:
            self._group.add(process.pid)
        return process

    def _unlock(self) -> None:
        locks = self.checkout.root / ".snakemake" / "locks"
        if locks.is_dir() and any(locks.iterdir()):
            self.unlocked += 1
            self.checkout.snakemake("--unlock", *self.arguments)

    def finish(self) -> None:
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


def _slurm_job(process: psutil.Process) -> str | None:
    """Number of the Slurm job that a process belongs to."""
    try:
        return process.environ().get("SLURM_JOB_ID")
    except psutil.Error:
        return None


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def contents(results: Path) -> dict[str, str]:
    """Hash of every file whose content does not follow from when it was made."""
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(results.rglob("*"))
        if file.is_file() and not _TIMES.search(name := "/" + str(file.relative_to(results)))
    }
