"""Snakemake's locks on the results of a study, and the Snakemake of this machine that may hold them."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

from synthaug.core.file_times import age_days
from synthaug.upkeep.fault import Fault
from synthaug.upkeep.study_results import StudyResults


def find_locks(study: StudyResults) -> Iterator[Fault]:
    """One finding where outputs of a study are locked; none where the results lie in no checkout."""
    # Where `results` is a link, the checkout is where the link lies.
    for folder in dict.fromkeys((study.folder.absolute(), study.folder.resolve())):
        checkout = folder.parent.parent
        beginning = f"{folder.relative_to(checkout).as_posix()}/"
        for lock in sorted((checkout / ".snakemake" / "locks").glob("*.output.lock")):
            try:
                outputs = lock.read_text(encoding="utf-8", errors="replace").splitlines()
                minutes = age_days(lock) * 24 * 60
            except FileNotFoundError:
                continue  # unlocked meanwhile
            count = sum(output.startswith(beginning) for output in outputs)
            if count:
                yield Fault("locked", f"{lock}: {count} outputs since {minutes:.0f} min, {_held(checkout)}")


def _held(checkout: Path) -> str:
    numbers = ", ".join(str(pid) for pid in snakemakes_in(checkout))
    if numbers:
        return f"by Snakemake, process {numbers} of this machine; wait for it"
    return (
        f"by no Snakemake of {platform.node()}; look on other machines and for running jobs (squeue), then "
        f"snakemake --unlock in {checkout}"
    )


def snakemakes_in(folder: Path) -> list[int]:
    """Processes of this machine that are a Snakemake at work in a folder; none where the system does not tell."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")[:4]
            if (
                any(b"snakemake" in word for word in words)
                and (process / "cwd").resolve() == folder.resolve()
            ):
                found.append(int(process.name))
        except OSError:
            continue  # ended, or another user's
    return sorted(found)
