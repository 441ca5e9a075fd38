"""A folder of checkpoints belongs to one process at a time.

A workflow whose master died leaves its jobs running; the next one submits them again. Two trainings in one folder would
remove each other's checkpoints.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from synthaug.core.errors import PassingError
from synthaug.core.process_identity import ProcessIdentity, is_alive, this_process

#: Name of the file in the folder that is held.
LEASE = "lease.json"
#: Seconds between two signs of life of a holder.
_INTERVAL_S = 20.0
#: Seconds without one after which a holder on another machine counts as dead: network file systems show a file's time up to 60 s
#: late.
_PATIENCE_S = 120.0


@contextmanager
def lease(folder: Path, interval_s: float = _INTERVAL_S, patience_s: float = _PATIENCE_S) -> Iterator[None]:
    """Hold a folder for this process.

    The lease of a process that is dead on this machine, or of this Slurm job before it was requeued from another one, is taken
    over at once. That of a process on another machine is watched: signs of life are compared with one another, not with this
    machine's clock.

    Parameters
    ----------
    folder : Path
        Made where it is not there, and removed at the end where nothing is in it.
    interval_s, patience_s : float
        Seconds between two signs of life; seconds without one after which a holder counts as dead.

    Raises
    ------
    PassingError
        Another process holds it and lives; the message names it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file, own = folder / LEASE, this_process()
    while not _take(file, own):
        _wait_for_death(file, own, interval_s, patience_s)
    ended = threading.Event()
    beat = threading.Thread(target=_beat, args=(file, own, interval_s, ended), daemon=True)
    beat.start()
    try:
        yield
    finally:
        ended.set()
        beat.join()
        if holder_of(file) == own:
            file.unlink(missing_ok=True)
        with suppress(OSError):  # checkpoints are in it, or another process has come
            folder.rmdir()


def holder_of(file: Path) -> ProcessIdentity | None:
    """Whose lease a file is; None where there is none, or it was cut short."""
    try:
        return ProcessIdentity.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _take(file: Path, own: ProcessIdentity) -> bool:
    """Make the lease this process's; False where there is one already."""
    try:
        with file.open("x", encoding="utf-8") as stream:  # one of several processes succeeds
            json.dump(own.as_json(), stream)
    except FileExistsError:
        return False
    return True


def _wait_for_death(file: Path, own: ProcessIdentity, interval_s: float, patience_s: float) -> None:
    """Return when the holder is dead and its lease gone; refuse where it lives."""
    holder, sign = holder_of(file), _sign(file)
    if sign is None:
        return
    if holder is not None:
        alive = is_alive(holder)
        # A whole workflow can run inside one Slurm job, so that the same job alone says nothing of a process of this machine.
        if alive is None and own.slurm_job and holder.slurm_job == own.slurm_job:
            alive = False
        if alive:
            raise _held(file, holder)
        if alive is False:
            _give_way(file, holder, "it has ended")
            return
    print(
        f"{file}: held by {holder or 'an unknown process'}; waiting {patience_s:g} s for a sign of life",
        file=sys.stderr,
    )
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        time.sleep(min(interval_s, patience_s) / 4)
        now = _sign(file)
        if now is None:
            return
        if now != sign:
            raise _held(file, holder_of(file))
    _give_way(file, holder, f"no sign of life for {patience_s:g} s")


def _held(file: Path, holder: ProcessIdentity | None) -> PassingError:
    job = f"scancel {holder.slurm_job}" if holder and holder.slurm_job else "end it"
    return PassingError(
        f"{file.parent}: the same training runs already ({holder or 'an unknown process'}); wait for it and run again, or "
        f"{job} first"
    )


def _give_way(file: Path, holder: ProcessIdentity | None, why: str) -> None:
    """Take a dead holder's lease away, and nobody else's."""
    aside = file.with_name(f".{uuid.uuid4().hex}.{LEASE}")
    try:
        file.rename(aside)
    except FileNotFoundError:
        return  # another process was faster
    if holder_of(aside) == holder:
        print(f"{file.parent}: taken over from {holder or 'an unknown process'} ({why})", file=sys.stderr)
        aside.unlink()
    else:
        aside.rename(file)  # between the look and this, another process had taken over


def _sign(file: Path) -> int | None:
    """Time of the last sign of life, by the clock of the file system; None without a lease."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _beat(file: Path, own: ProcessIdentity, interval_s: float, ended: threading.Event) -> None:
    """Give a sign of life now and then; end this process in order where its lease was taken."""
    unread = 0
    while not ended.wait(interval_s):
        holder = holder_of(file)
        unread = unread + 1 if holder is None else 0
        if unread == 1:
            continue  # a network file system may fail once
        if holder != own:
            print(f"{file.parent}: another process took over, this one ends", file=sys.stderr)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        with suppress(OSError):
            os.utime(file)
