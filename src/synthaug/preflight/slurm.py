"""Slurm clusters on which finished jobs would be waited for without end, and options that Snakemake overrides.

Rules of snakemake-executor-plugin-slurm 2.8 (`SlurmExecutor.check_active_jobs`): it asks `squeue` or `sacct` which jobs
have ended. It asks `sacct` in any case where the controller forgets ended jobs (MinJobAge) in less than three of its first
intervals. A job that neither lists counts as running.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator

#: Longest interval between two looks of the plugin at its jobs, in seconds, which no setting shortens; and a margin.
LONGEST_INTERVAL_S = 180
MARGIN_S = 20
#: Options of sbatch that the plugin sets, and the resource of the profile that sets them; None where none does.
_OVERRIDDEN: dict[str, str | None] = {
    "--job-name": None,
    "--output": None,
    "--error": None,
    "--parsable": None,
    "--export": None,
    "--comment": None,
    "--chdir": None,
    "--workdir": None,
    "--array": None,
    "--wrap": None,
    "--requeue": "slurm-requeue: true",
    "--no-requeue": "slurm-no-requeue: true",
    "--account": "slurm_account",
    "--partition": "slurm_partition",
    "--mem": "mem_mb",
    "--mem-per-cpu": "mem_mb_per_cpu",
    "--ntasks": "tasks",
    "--ntasks-per-gpu": "tasks_per_gpu",
    "--cpus-per-task": "set-threads",
    "--cpus-per-gpu": "cpus_per_gpu",
    "--time": "runtime",
    "--constraint": "constraint",
    "--qos": "qos",
    "--nodes": "nodes",
    "--clusters": "clusters",
    "--gres": "gres",
    "--gpus": "gpu",
}
_SHORT = {
    "J": "--job-name",
    "o": "--output",
    "e": "--error",
    "D": "--chdir",
    "a": "--array",
    "A": "--account",
    "p": "--partition",
    "n": "--ntasks",
    "c": "--cpus-per-task",
    "t": "--time",
    "C": "--constraint",
    "q": "--qos",
    "N": "--nodes",
    "M": "--clusters",
    "G": "--gpus",
}


def overridden_options(slurm_extra: str) -> list[str]:
    """What is wrong with a ``slurm_extra``: one clause for each option that the plugin sets itself.

    Parameters
    ----------
    slurm_extra : str
        Options of sbatch as a profile has them.
    """
    try:
        words = shlex.split(slurm_extra)
    except ValueError as error:
        return [f"cannot be read ({error})"]
    if len(words) == 1 and " " in words[0]:  # quoted as a whole, as the plugin's page shows it
        words = words[0].split()
    found = []
    for word in words:
        name = word.partition("=")[0]
        if not name.startswith("--") and name.startswith("-"):
            name = _SHORT.get(name[1:2], "")
        if name in _OVERRIDDEN:
            instead = _OVERRIDDEN[name]
            remedy = f"use {instead} instead" if instead else "leave it out"
            found.append(f"{name} is set by Snakemake, which overrides it; {remedy}")
    return found


def lost_options(extras: Iterable[tuple[str, str]]) -> list[str]:
    """One line for each option of ``slurm_extra`` that would be lost.

    Parameters
    ----------
    extras : iterable of (str, str)
        Rule and its ``slurm_extra``; the same value of several rules is said once.
    """
    said: dict[str, str] = {}
    for rule, extra in extras:
        for problem in overridden_options(extra):
            said.setdefault(f"slurm_extra {extra}: {problem}", rule)
    return [f"rule {rule}: {problem}" for problem, rule in said.items()]


def missing_programs() -> str | None:
    """Why this machine can submit nothing to Slurm, or not ask for it; None where it can."""
    if not shutil.which("sbatch"):
        return "this is not a Slurm machine (sbatch not found); use --profile profiles/local"
    if not any(map(shutil.which, ("squeue", "sacct"))):
        return (
            "this is not a whole Slurm machine (neither squeue nor sacct found, of which one says when jobs end); "
            "use --profile profiles/local, or a login node"
        )
    return None


def forgotten_jobs(status_command: str | None, first_interval_s: int) -> str | None:
    """Why this cluster would let a run wait for finished jobs without end; None where it would not.

    Parameters
    ----------
    status_command : str, optional
        ``slurm-status-command`` of the profile: ``squeue`` or ``sacct``.
    first_interval_s : int
        ``slurm-init-seconds-before-status-checks`` of the profile, in seconds.
    """
    from snakemake_executor_plugin_slurm.job_status_query import get_min_job_age, is_query_tool_available

    age, has_sacct = get_min_job_age(), is_query_tool_available("sacct")
    needed = max(3 * first_interval_s, LONGEST_INTERVAL_S + MARGIN_S)
    wanted = status_command or "sacct"
    falls_back = wanted == "squeue" and (age is None or age < 3 * first_interval_s)
    if has_sacct and (wanted == "sacct" or falls_back):
        refusal = accounting_refusal()
        if refusal is None:
            return None
        if wanted == "sacct" and age is not None and age >= needed:
            return f"sacct fails here ({refusal}); set slurm-status-command: squeue in the profile"
    elif age is None or age >= needed:
        return None
    else:
        refusal = "it is not asked" if has_sacct else "it is not installed"
    known = "is not known" if age is None else f"is {age} s"
    return (
        f"MinJobAge of this Slurm {known}, and sacct does not help ({refusal}): jobs that ended would be forgotten between "
        f"two looks at them and waited for without end; have MinJobAge set to {needed} s or more, or accounting set up and "
        "slurm-status-command: sacct in the profile"
    )


def unknown_partitions(given: Iterable[tuple[str, str]]) -> list[str]:
    """One line for each partition that this cluster does not have; none where it does not tell.

    Parameters
    ----------
    given : iterable of (str, str)
        Rule and its ``slurm_partition``, which may be several with commas.
    """
    command = ["sinfo", "--all", "--noheader", "--format=%R"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    there = sorted(set(done.stdout.split()))
    if done.returncode or not there:
        return []
    asked: dict[str, str] = {}
    for rule, names in given:
        for name in filter(None, map(str.strip, names.strip("\"'").split(","))):
            asked.setdefault(name, rule)
    return [
        f"rule {rule}: slurm_partition {name} is no partition of this cluster ({', '.join(there)}); correct it in the profile"
        for name, rule in asked.items()
        if name not in there
    ]


def _given(workflow: object, resource: str) -> list[tuple[str, str]]:
    """Rules and their value of a resource that the profile sets and no job computes."""
    values = [
        (rule.name, found.raw if found.raw is not None else found.value)
        for rule in getattr(workflow, "rules", ())
        if (found := rule.resources.get(resource)) is not None
        and (found.raw is not None or not found.is_evaluable())
    ]
    # The plugin has the resource without a value where no profile sets it.
    return [(rule, str(value)) for rule, value in values if value is not None]


def accounting_refusal() -> str | None:
    """What sacct says where it cannot tell how jobs ended; None where it can."""
    from snakemake_executor_plugin_slurm.job_status_query import query_job_status_sacct

    try:
        done = subprocess.run(
            shlex.split(str(query_job_status_sacct("synthaug-preflight"))),
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    said = " ".join((done.stderr or done.stdout).split())
    return None if done.returncode == 0 else said or f"exit code {done.returncode}"


def slurm_trouble(workflow: object) -> Iterator[str]:
    """One line for each reason not to start a run on Slurm.

    Parameters
    ----------
    workflow : snakemake.workflow.Workflow
        About to start its jobs, with the executor and the resources that the profile gives.
    """
    missing = missing_programs()
    if missing:
        yield missing
        return
    settings = getattr(workflow, "executor_settings", None)
    yield from lost_options(_given(workflow, "slurm_extra"))
    yield from unknown_partitions(_given(workflow, "slurm_partition"))
    # The plugin puts the command of a job between double quotes.
    for path in dict.fromkeys(
        [
            sys.executable,
            str(getattr(workflow, "workdir_init", "")),
            str(getattr(workflow, "main_snakefile", "")),
            *map(str, getattr(workflow, "overwrite_configfiles", ())),
        ]
    ):
        if set(path) & set('"$`\\'):
            yield f'{path}: jobs of Slurm cannot be started from a path with ", $, ` or \\; rename the folder'
    interval = getattr(settings, "init_seconds_before_status_checks", None) or 40
    trouble = forgotten_jobs(getattr(settings, "status_command", None), interval)
    if trouble:
        yield trouble
