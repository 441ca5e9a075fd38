"""Which process made a file or holds a folder, so that others can tell whether it still lives."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

#: Linux names the first namespace of processes by this number; in it a host's name belongs to that host alone.
_FIRST_NAMESPACE = "4026531836"
_DEAD = ("Z", "X", "x")  # a zombie waits only to be counted
_ENDED = "ended"


@dataclass(frozen=True)
class ProcessIdentity:
    """What tells a process from all others.

    Attributes
    ----------
    host : str
        Name of the machine or container.
    pid : int
        Number of the process there.
    started : str
        When it started, so that a later process of the same number is another one: ``<boot>.<namespace>.<ticks>``, with
        the boot of the machine (8 digits of its id), the namespace of the number, and clock ticks since the boot, which
        setting the clock does not change. Empty where the system does not tell.
    slurm_job : str
        Its Slurm job; empty outside Slurm.
    """

    host: str
    pid: int
    started: str
    slurm_job: str

    def __str__(self) -> str:
        job = f", Slurm job {self.slurm_job}" if self.slurm_job else ""
        return f"process {self.pid} on {self.host}{job}"

    def as_json(self) -> dict[str, Any]:
        """Its attributes, for a JSON file."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Any) -> ProcessIdentity:
        """The process that `as_json` wrote.

        Raises
        ------
        ValueError
            It is none.
        """
        try:
            return cls(
                str(content["host"]),
                int(content["pid"]),
                str(content["started"]),
                str(content["slurm_job"]),
            )
        except (TypeError, KeyError) as error:
            raise ValueError(f"not the identity of a process ({error!r})") from None


def this_process() -> ProcessIdentity:
    """Identity of the process that calls; a forked one has its own."""
    return _identity(os.getpid())


@cache
def _identity(pid: int) -> ProcessIdentity:
    # By number, and not once for all: a fork inherits what is kept here.
    return ProcessIdentity(platform.node(), pid, _started(pid), os.environ.get("SLURM_JOB_ID", ""))


def is_alive(identity: ProcessIdentity) -> bool | None:
    """Whether a process still runs; None where this host cannot tell.

    Parameters
    ----------
    identity : ProcessIdentity
        Of another host it is not known. Of this host's name but of another boot it is dead, unless one of the two ran in
        a container: names of containers need not be unique.
    """
    here = this_process()
    if identity.host != here.host:
        return None
    if identity.started and here.started:
        (boot, namespace, _), (own_boot, own_namespace, _) = _parts(identity), _parts(here)
        if namespace != own_namespace:
            return None
        if boot != own_boot:
            return False if namespace == _FIRST_NAMESPACE else None
    try:
        os.kill(identity.pid, 0)
    except ProcessLookupError:
        return False
    except OverflowError:
        return False  # no number of a process
    except PermissionError:
        pass  # another user's, which /proc may hide
    started = _started(identity.pid)
    if started == _ENDED:
        return False
    return not (started and identity.started) or started == identity.started


def _parts(identity: ProcessIdentity) -> tuple[str, str, str]:
    boot, _, rest = identity.started.partition(".")
    namespace, _, ticks = rest.partition(".")
    return boot, namespace, ticks


def _started(pid: int) -> str:
    """`ProcessIdentity.started` of a process of this host; `_ENDED` where it is a zombie, empty where unknown."""
    try:
        # The name of the program stands between brackets and may hold blanks; state and start are the fields after it.
        state, *fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        namespace = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
        return _ENDED if state in _DEAD else f"{boot}.{namespace}.{fields[18]}"
    except (OSError, ValueError, IndexError):
        return ""
