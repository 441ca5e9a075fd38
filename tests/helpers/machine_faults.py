"""Faults of the machine below a study: memory that ends, a node that is lost, a disk quota, a clock that jumps."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import yaml
from checkout import Checkout

_GROUPS = Path("/sys/fs/cgroup")
#: Takes memory of the group until the kernel has ended another process of it.
_NEIGHBOUR = """
import os, re, sys
from pathlib import Path
group, events = Path(sys.argv[1]), Path(sys.argv[2])
(group / "cgroup.procs").write_text(str(os.getpid()))
kills = lambda: int(re.search(r"^oom_kill (\\d+)", events.read_text(), re.M)[1])
before, taken = kills(), []
while kills() == before:
    taken.append(bytearray(b"1") * (64 << 20))
"""


class MemoryGroup:
    """A control group of the kernel, whose processes have so much memory together.

    Parameters
    ----------
    mib : int
        Memory in MiB.
    """

    def __init__(self, mib: int) -> None:
        first = (_GROUPS / "memory").is_dir()  # version 1 has a folder for each resource
        name = f"synthaug-{uuid.uuid4().hex[:8]}"
        self._folder = (_GROUPS / "memory" if first else _GROUPS) / name
        self._events = self._folder / ("memory.oom_control" if first else "memory.events")
        self._folder.mkdir()
        (self._folder / ("memory.limit_in_bytes" if first else "memory.max")).write_text(str(mib << 20))

    @staticmethod
    def can_be_made() -> bool:
        """Whether this user may limit memory here."""
        try:
            group = MemoryGroup(64)
        except OSError:
            return False
        group.remove()
        return True

    def add(self, pid: int) -> None:
        """Put a process, and those that it will start, into the group."""
        (self._folder / "cgroup.procs").write_text(str(pid))

    def exhaust(self, victims: Sequence[int]) -> bool:
        """Let a neighbour take what is left, until the kernel has ended one of these processes.

        False where they ended before, so that it was the neighbour that was ended.
        """
        for pid in victims:
            with suppress(OSError):  # it has ended
                Path(f"/proc/{pid}/oom_score_adj").write_text("1000")
        command = [sys.executable, "-c", _NEIGHBOUR, str(self._folder), str(self._events)]
        return subprocess.run(command, timeout=300).returncode == 0

    def remove(self) -> None:
        """Remove the group; what still runs in it, as jobs of a workflow that was killed, is let end."""
        until = time.monotonic() + 120
        while (self._folder / "cgroup.procs").read_text() and time.monotonic() < until:
            time.sleep(0.5)
        for _ in range(20):
            with suppress(OSError):  # the kernel takes a moment
                self._folder.rmdir()
                return
            time.sleep(0.5)
        self._folder.rmdir()


def lose_node() -> None:
    """Let the node of the small cluster die with all that runs on it, be declared down, and come back."""
    daemons = [
        process
        for process in psutil.process_iter(["name"])
        if process.info["name"] in ("slurmd", "slurmstepd")
    ]
    for process in [*daemons, *(child for one in daemons for child in _below(one))]:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    node = os.uname().nodename.partition(".")[0]
    subprocess.run(
        ["scontrol", "update", f"nodename={node}", "state=down", "reason=lost"],
        check=True,
        capture_output=True,
    )
    subprocess.run(["slurmd"], check=True)


def reach_time_limit(number: str, processes: Sequence[psutil.Process]) -> bool:
    """Let a running job of the small cluster reach its time limit; False where it ended before.

    Slurm's shortest limit is a minute, and it looks at limits every half minute, so that a short training would be done
    before. Its processes stand still until Slurm ends the job, which wakes them (SIGCONT) before it tells them to end.

    Parameters
    ----------
    number : str
        Of the job.
    processes : sequence of Process
        What the job runs on this machine.
    """
    update = ["scontrol", "update", f"jobid={number}", "TimeLimit=1"]
    if subprocess.run(update, capture_output=True).returncode:
        return False
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    asked = ["squeue", "--noheader", "--states", "all", "--jobs", number, "--format", "%T"]
    until = time.monotonic() + 300
    while time.monotonic() < until:
        state = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        if state not in ("RUNNING", "COMPLETING"):
            return state == "TIMEOUT"
        time.sleep(1)
    raise TimeoutError(f"job {number} runs on beyond its time limit")


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def write_starved_profile(checkout: Checkout, rules: list[str], mib: int) -> str:
    """A profile of the small cluster that gives jobs of some rules too little memory at first, and tries them again.

    Parameters
    ----------
    checkout : Checkout
        Where it is written.
    rules : list of str
        Which.
    mib : int
        Memory of a first attempt in MiB; the n-th has n² times as much.
    """
    profile = yaml.safe_load((checkout.root / "profiles" / "ci" / "config.yaml").read_text())
    profile["retries"] = 3
    given = profile.setdefault("set-resources", {})
    for rule in rules:
        given.setdefault(rule, {})["mem_mb"] = f"{mib} * attempt ** 2"
    folder = checkout.root / "profiles" / "starved"
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(profile))
    return "profiles/starved"


def shift_times(folder: Path, seconds: float) -> None:
    """Set the times of all files as if the clock had been ahead by so much when they were written."""
    done = set()
    for file in folder.rglob("*"):
        found = file.lstat()
        # A file that has two names has one time.
        if (file.is_dir() and not file.is_symlink()) or found.st_ino in done:
            continue
        done.add(found.st_ino)
        times = (found.st_atime_ns + int(seconds * 1e9), found.st_mtime_ns + int(seconds * 1e9))
        os.utime(file, ns=times, follow_symlinks=False)


def under_another_clock(seconds: float) -> tuple[list[str], dict[str, str]]:
    """Words before a command and variables that let its processes see a clock that is ahead by so much.

    Files keep the times that the file system gives them, as on a machine whose clock differs from the file server's.
    """
    if not shutil.which("faketime"):
        raise FileNotFoundError("faketime is not installed")
    variables = {"NO_FAKE_STAT": "1", "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    return ["faketime", "-f", f"{seconds:+.0f}s"], variables


class QuotaDisk:
    """A file system with a quota, mounted at a folder: btrfs in a file, which needs root and btrfs-progs.

    Parameters
    ----------
    image : Path
        File to make.
    folder : Path
        Where it is mounted.
    """

    def __init__(self, image: Path, folder: Path) -> None:
        self._folder = folder
        with image.open("wb") as stream:
            stream.truncate(2 << 30)
        folder.mkdir(parents=True)
        _call("mkfs.btrfs", "-q", image)
        _call("mount", "-o", "loop", image, folder)
        _call("btrfs", "quota", "enable", folder)

    @staticmethod
    def can_be_made() -> bool:
        """Whether this is root, and the tools are there."""
        return os.geteuid() == 0 and all(map(shutil.which, ("mkfs.btrfs", "btrfs", "mount")))

    def limit(self, mib: float | None) -> None:
        """Set the quota in MiB; None: none."""
        amount = "none" if mib is None else f"{round(mib * 1024)}K"
        _call("btrfs", "qgroup", "limit", amount, "0/5", self._folder)

    def remove(self) -> None:
        """Unmount it."""
        _call("umount", self._folder)


@contextmanager
def quota_disk(image: Path, folder: Path) -> Iterator[QuotaDisk]:
    """A `QuotaDisk` that is unmounted at the end."""
    disk = QuotaDisk(image, folder)
    try:
        yield disk
    finally:
        disk.remove()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder that is read-only, for root too: mounted on itself."""
    _call("mount", "--bind", folder, folder)
    try:
        _call("mount", "-o", "remount,bind,ro", folder)
        yield
    finally:
        _call("umount", folder)


def can_mount() -> bool:
    """Whether this is root, and mounting is not forbidden, as it is in many containers."""
    try:
        with tempfile.TemporaryDirectory() as folder, read_only(Path(folder)):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def _call(*words: object) -> None:
    subprocess.run(list(map(str, words)), check=True, capture_output=True)
