"""Fault after fault in the tiny study, and its results compared with those of an undisturbed run.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/faults.py --kills 50 --preemptions 10
    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/faults.py --memory 5 --nodes 3 --time-limits 2 --quota --read-only --clock

After a fault the same command goes on. Kills, preemptions, time limits and nodes have a run each; quota, read-only
results, memory and clock come one after the other in another.

- Kills come in turn: SIGKILL and SIGTERM of a job, of Snakemake, SIGKILL of all.
- Preemptions (as root, with slurm-wlm and munge installed) requeue running jobs of the single-node Slurm of the tests.
- Memory: the kernel ends processes of a control group of 4 GiB, in which a neighbour takes what is left.
- Nodes: Slurm's node dies with all that runs on it, is declared down and comes back. Beside that each training gets too
  little memory at first, so that Slurm ends it.
- Time limits: Slurm ends trainings that reached theirs; Snakemake tries them again, and they resume.
- Quota: results lie on a file system with a quota (btrfs in a file, as root), which is exceeded twice.
- Read-only: results become so while a job runs, until the run has ended.
- Clock: it goes back and forward by hours and days (faketime), with files that are of a time to come.

The short set is tests/faults.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from checkout import TINY, Checkout, copy_repository
from faults import KILLS, FaultyRun, contents
from machine_faults import QuotaDisk, quota_disk, write_starved_profile
from small_cluster import start_slurm

RUNS = ("kills", "preemptions", "machine", "nodes", "time-limits")
LOCALLY = ["--cores", "2", "--rerun-incomplete", "--keep-going", "--configfile", TINY]
#: Hours that the clock goes forward, or back.
JUMPS_H = (-2, 72, -24 * 30, 24 * 400)
#: Rules whose first attempt gets too little memory on Slurm, and that memory in MiB.
STARVED, STARVED_MIB = ["train_model", "train_task"], 300
#: Parts of the disk that the study needs, as quotas.
QUOTAS = (0.3, 0.75)
#: Memory of a workflow that the kernel takes processes from, in MiB.
MEMORY_MIB = 4096


def kill(run: FaultyRun, times: int) -> None:
    """Kill what runs, one kind after the other."""
    kinds = [one._replace(during="") for one in KILLS]
    run.kill([kinds[number % len(kinds)] for number in range(times)], between_s=(0.2, 20))


def disturb_machine(
    run: FaultyRun, asked: argparse.Namespace, disk: QuotaDisk | None, needed_mib: float
) -> None:
    """Quotas, then results that become read-only, then lack of memory, then clocks, in one study."""
    if disk:
        run.exceed_quota(disk, [part * needed_mib for part in QUOTAS])
    if asked.read_only:
        run.forbid_writing((0.2, 15))
    if asked.memory:
        run.exhaust_memory(asked.memory, (0.2, 15), MEMORY_MIB)
    if asked.clock:
        run.jump([3600 * hours for hours in JUMPS_H], (2, 15))


def report(run: FaultyRun, seconds: float, quiet: Checkout, whole: bool) -> None:
    """Print what happened, what was said, and what differs; of a part of the study, in the files that there are."""
    own, other = (checkout.root / "results" / "tiny" for checkout in (run.checkout, quiet))
    found, undisturbed = contents(own), contents(other)
    names = found | undisturbed if whole else found
    different = sorted(name for name in names if found.get(name) != undisturbed.get(name))
    print(f"{len(run.killed)} faults, {run.unlocked} times unlocked, {seconds / 60:.1f} min")
    for what, count in Counter(killed.partition(": ")[0] for killed in run.killed).items():
        print(f"  {count} x {what}")
    said = Counter(line.split(": ", 2)[2][:40] for line in run.lines(r"^synthaug: \w+: "))
    for line, count in said.most_common(12):
        print(f"  said {count} x: {line}")
    print(f"  {len(found)} files compared, {len(different)} differ: {', '.join(different[:5]) or 'none'}")
    if whole:
        print(f"  rows.csv {'equal' if rows(own) == rows(other) else 'NOT EQUAL'}")
    print(f"  left over: {', '.join(run.litter()) or 'nothing'}", flush=True)


def size_mib(folder: Path) -> float:
    """Size of all files below a folder in MiB."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20


def rows(results: Path) -> bytes:
    """The rows of the current table version."""
    version = json.loads((results / "tables" / "current.json").read_text())["version"]
    return (results / "tables" / version / "rows.csv").read_bytes()


def main() -> None:
    """Run, and print a report for each kind that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    for name in ("kills", "preemptions", "memory", "nodes", "time-limits"):
        parser.add_argument(f"--{name}", type=int, default=0)
    for name in ("quota", "clock", "read-only"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--target", default="all", help="what is made; of less than all, its files are compared"
    )
    parser.add_argument("--undisturbed", type=Path, help="checkout of the same code that ran the tiny study")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # All at first, so that an edit of the repository meanwhile is in none of them.
        copies = {name: copy_repository(Path(folder, name, "synthaug")) for name in (*RUNS, "quiet")}
        quiet = Checkout(asked.undisturbed) if asked.undisturbed else copies["quiet"]
        if not asked.undisturbed:
            quiet.run(TINY)

        def measure(run: FaultyRun, work: Callable[[FaultyRun], None]) -> None:
            began = time.monotonic()
            work(run)
            run.finish()
            report(run, time.monotonic() - began, quiet, whole=asked.target == "all")

        def on_slurm(name: str, profile: str, *options: str) -> FaultyRun:
            start_slurm()
            arguments = [asked.target, "--profile", profile, "--configfile", TINY, *options]
            return FaultyRun(copies[name], arguments, asked.seed)

        if asked.kills:
            measure(
                FaultyRun(copies["kills"], [asked.target, *LOCALLY], asked.seed),
                lambda run: kill(run, asked.kills),
            )
        if asked.quota or asked.memory or asked.read_only or asked.clock:
            place = copies["machine"].root
            mounted = quota_disk(place / "disk", place / "results") if asked.quota else nullcontext()
            with mounted as disk:
                measure(
                    FaultyRun(copies["machine"], [asked.target, *LOCALLY], asked.seed),
                    lambda run: disturb_machine(run, asked, disk, size_mib(quiet.root / "results")),
                )
        if asked.preemptions:
            measure(
                on_slurm("preemptions", "profiles/ci"), lambda run: run.preempt(asked.preemptions, (5, 25))
            )
        if asked.time_limits:
            measure(
                on_slurm("time-limits", "profiles/ci", "--retries", "3"),
                lambda run: run.end_by_time_limit(asked.time_limits, (1, 5)),
            )
        if asked.nodes:
            starved = write_starved_profile(copies["nodes"], STARVED, STARVED_MIB)
            measure(on_slurm("nodes", starved), lambda run: run.lose_nodes(asked.nodes, (20, 120)))


if __name__ == "__main__":
    main()
