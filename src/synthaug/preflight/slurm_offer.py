"""What a Slurm cluster offers, and the lines of ``profiles/slurm/config.yaml`` that follow from it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from synthaug.core.errors import SynthaugError
from synthaug.preflight.slurm import accounting_refusal, forgotten_jobs, missing_programs

_PROFILE, _PARTITIONS = "profiles/slurm/config.yaml", "partitions.yaml"
_TRAINING_MIN = 24 * 60  # what trainings ask for where the profile says nothing else
_FIRST_INTERVAL_S = 40  # the plugin's own, where the profile says nothing else


class Partition(NamedTuple):
    """A partition of a cluster.

    Attributes
    ----------
    name : str
        As ``slurm_partition`` takes it.
    default : bool
        Whether jobs that name none go there.
    up : bool
        Whether jobs start in it.
    limit_min : int or None
        Longest time of a job, in minutes; None: no limit.
    nodes, cpus, memory_mb : int
        Number of nodes; cores and memory of the largest.
    gpus : tuple of str
        GPUs of a node, as ``gpu:a100:4``, each kind once.
    """

    name: str
    default: bool
    up: bool
    limit_min: int | None
    nodes: int
    cpus: int
    memory_mb: int
    gpus: tuple[str, ...]


def describe_cluster() -> str:
    """What this cluster offers, then the lines for the profile.

    Raises
    ------
    SynthaugError
        One line: this is not a Slurm machine, or its controller does not answer.
    """
    missing = missing_programs()
    if missing:
        raise SynthaugError(missing)
    partitions = read_partitions(_said_by("sinfo", "--noheader", "--format=%P|%a|%l|%D|%c|%m|%G"))
    if not partitions:
        raise SynthaugError("sinfo lists no partition that you may use; ask who runs this cluster")
    settings = dict(
        re.findall(r"^(\w+)\s*=\s*(.*?)\s*$", _said_by("scontrol", "show", "config"), re.MULTILINE)
    )
    refusal = accounting_refusal()
    accounts = _accounts() if refusal is None else []
    limits = [*partition_lines(partitions)]
    return "\n".join(
        [
            *_offer(partitions, settings, refusal, accounts),
            "",
            f"Lines for {_PROFILE}:",
            *profile_lines(
                partitions, refusal is None, accounts, forgotten_jobs("squeue", _FIRST_INTERVAL_S)
            ),
            *(
                ["", f"The file {_PARTITIONS}, in the folder that snakemake is called in:", *limits]
                if limits
                else []
            ),
        ]
    )


def read_partitions(listed: str) -> list[Partition]:
    """Partitions as ``sinfo --format=%P|%a|%l|%D|%c|%m|%G`` lists them: a line for each sort of nodes."""
    found: dict[str, Partition] = {}
    for line in filter(None, map(str.strip, listed.splitlines())):
        name, available, limit, nodes, cpus, memory, resources = line.split("|")
        gpus = [part for part in re.sub(r"\(.*?\)", "", resources).split(",") if part.startswith("gpu")]
        one = Partition(
            name.rstrip("*"),
            name.endswith("*"),
            available == "up",
            _minutes(limit),
            int(nodes),
            int(cpus.rstrip("+")),
            int(memory.rstrip("+")),
            tuple(gpus),
        )
        before = found.get(one.name)
        if before:
            one = one._replace(
                nodes=before.nodes + one.nodes,
                cpus=max(before.cpus, one.cpus),
                memory_mb=max(before.memory_mb, one.memory_mb),
                gpus=tuple(dict.fromkeys([*before.gpus, *one.gpus])),
            )
        found[one.name] = one
    return list(found.values())


def profile_lines(
    partitions: Sequence[Partition],
    accounting: bool,
    accounts: Sequence[str] = (),
    forgets: str | None = None,
) -> Iterator[str]:
    """Lines of the profile for a cluster, as YAML; what must be known beside them is a comment.

    Parameters
    ----------
    partitions : sequence of Partition
        Those of the cluster.
    accounting : bool
        Whether ``sacct`` tells how jobs ended.
    accounts : sequence of str
        Accounts of the user.
    forgets : str, optional
        Why ``squeue`` would not do (`forgotten_jobs`).
    """
    if forgets is None:
        yield "slurm-status-command: squeue"
    elif accounting:
        yield "slurm-status-command: sacct"
    else:
        yield f"# Not usable as it is: {forgets}"
    general, target = _targets(partitions)
    if accounts or target == general:
        yield "default-resources:  # add to the entries there"
    if accounts:
        others = f"  # or {', '.join(accounts[1:])}" if len(accounts) > 1 else ""
        yield f"  slurm_account: {accounts[0]}{others}"
    if target == general:
        yield f"  slurm_partition: {general.name}"
    else:
        yield f"slurm-partition-config: {_PARTITIONS}  # below: what asks for a GPU goes to {target.name}"
    if not target.gpus:
        yield (
            "# No partition has a GPU: set SYNTHAUG_GPUS=0 in the environment. Trainings and sampling then run on CPU cores, "
            "where they may take weeks."
        )
    if target.limit_min is not None and target.limit_min < _TRAINING_MIN:
        yield (
            f"# {target.name} ends jobs after {_time(target.limit_min)}: a training that is ended saves, and its next attempt "
            "goes on with it"
        )
        yield "set-resources:"
        yield from (f"  {rule}: {{runtime: {target.limit_min}}}" for rule in ("train_model", "train_task"))


def partition_lines(partitions: Sequence[Partition]) -> Iterator[str]:
    """The file of partitions and their limits, by which the plugin sends each job where it fits; nothing where one will do."""
    general, target = _targets(partitions)
    if target == general:
        return
    yield "partitions:"
    for one in (general, target):
        limits = {"max_threads": one.cpus, "max_mem_mb": one.memory_mb}
        if one.limit_min is not None:
            limits["max_runtime"] = one.limit_min
        if one.gpus:
            limits["max_gpu"] = max(_count(gpu) for gpu in one.gpus)
        yield f"  {one.name}: {{{', '.join(f'{key}: {value}' for key, value in limits.items())}}}"


def _targets(partitions: Sequence[Partition]) -> tuple[Partition, Partition]:
    """Where jobs go, and where those that ask for a GPU go: the same where that has one, or none has."""
    usable = [partition for partition in partitions if partition.up] or list(partitions)
    general = min(usable, key=lambda one: (not one.default, bool(one.gpus)))
    with_gpu = sorted((one for one in usable if one.gpus), key=lambda one: (one != general, -_longest(one)))
    return general, with_gpu[0] if with_gpu else general


def _count(gpu: str) -> int:
    """GPUs of a node, of ``gpu:a100:4`` or ``gpu:2``."""
    last = gpu.rpartition(":")[2]
    return int(last) if last.isdigit() else 1


def _offer(
    partitions: Sequence[Partition], settings: dict[str, str], refusal: str | None, accounts: Sequence[str]
) -> Iterator[str]:
    yield f"Slurm {settings.get('SLURM_VERSION', '?')}, cluster {settings.get('ClusterName', '?')}"
    for one in partitions:
        marks = (" (default)" if one.default else "") + ("" if one.up else " (down)")
        nodes = f"{one.nodes} node{'' if one.nodes == 1 else 's'}"
        yield (
            f"  partition {one.name}{marks}: {nodes} of up to {one.cpus} cores and {one.memory_mb / 1000:.0f} GB, "
            f"{', '.join(one.gpus) or 'no GPU'}, time limit {_time(one.limit_min)}"
        )
    yield "  accounting: " + ("works (sacct)" if refusal is None else f"no use here ({refusal})")
    if accounts:
        yield f"  your accounts: {', '.join(accounts)}"
    yield f"  finished jobs are remembered for {settings.get('MinJobAge', 'an unknown time')} (MinJobAge; 200 s are needed without accounting)"
    yield f"  jobs that are ended have {settings.get('KillWait', 'an unknown time')} to save (KillWait)"
    requeue = settings.get("JobRequeue") == "1"
    yield f"  preempted jobs go back to the queue: {'yes' if requeue else 'no (JobRequeue)'}"


def _accounts() -> list[str]:
    """The user's accounts; empty where Slurm does not tell."""
    import getpass

    try:
        said = _said_by(
            "sacctmgr",
            "--noheader",
            "--parsable2",
            "show",
            "assoc",
            f"user={getpass.getuser()}",
            "format=account",
        )
    except SynthaugError:
        return []
    return list(dict.fromkeys(filter(None, map(str.strip, said.splitlines()))))


def _said_by(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SynthaugError(f"{command[0]}: failed ({type(error).__name__}); is this a login node?") from None
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split()) or f"exit {done.returncode}"
        raise SynthaugError(f"{command[0]}: {said}; Slurm is installed here but does not answer")
    return done.stdout


def _minutes(limit: str) -> int | None:
    """Minutes of a time limit of sinfo (``days-hours:minutes:seconds`` and shorter); None without one."""
    if not re.fullmatch(r"(\d+-)?[\d:]+", limit):
        return None  # infinite, n/a
    days, _, clock = limit.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    hours, minutes = ([0, 0, *parts][-3], parts[-2] if len(parts) > 1 else parts[0])
    return int(days or 0) * 24 * 60 + hours * 60 + minutes


def _longest(partition: Partition) -> float:
    return float("inf") if partition.limit_min is None else partition.limit_min


def _time(minutes: int | None) -> str:
    if minutes is None:
        return "none"
    return f"{minutes / 60:g} h" if minutes >= 60 else f"{minutes} min"
