"""Kill the tiny study again and again, preempt it on Slurm, and compare its results with those of an undisturbed run.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/faults.py --kills 50 --preemptions 10

Kills come in turn: SIGKILL and SIGTERM of a job, of Snakemake, SIGKILL of all. Preemptions (as root, with slurm-wlm
and munge installed) requeue running jobs of the single-node Slurm of the tests.
The short set is tests/faults.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from checkout import TINY, Checkout, copy_repository
from faults import KILLS, FaultyRun, contents, litter
from small_cluster import start_slurm


def report(run: FaultyRun, seconds: float, quiet: Checkout) -> None:
    """Print what was killed, and what differs."""
    own, other = (checkout.root / "results" / "tiny" for checkout in (run.checkout, quiet))
    found, undisturbed = contents(own), contents(other)
    different = sorted(name for name in found | undisturbed if found.get(name) != undisturbed.get(name))
    print(f"{len(run.killed)} faults, {run.unlocked} times unlocked, {seconds / 60:.1f} min")
    for what, count in Counter(killed.partition(":")[0] for killed in run.killed).items():
        print(f"  {count} x {what}")
    print(f"  {len(found)} files compared, {len(different)} differ: {', '.join(different[:5]) or 'none'}")
    print(f"  rows.csv {'equal' if rows(own) == rows(other) else 'NOT EQUAL'}")
    print(f"  left over: {', '.join(litter(own)) or 'nothing'}", flush=True)


def rows(results: Path) -> bytes:
    """The rows of the current table version."""
    version = json.loads((results / "tables" / "current.json").read_text())["version"]
    return (results / "tables" / version / "rows.csv").read_bytes()


def main() -> None:
    """Run, and print both reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--preemptions", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        quiet, killed, preempted = (
            copy_repository(Path(folder, name, "synthaug")) for name in ("quiet", "killed", "preempted")
        )
        quiet.run(TINY)
        if arguments.kills:
            began = time.monotonic()
            run = FaultyRun(
                killed,
                ["all", "--cores", "2", "--rerun-incomplete", "--keep-going", "--configfile", TINY],
                arguments.seed,
            )
            kinds = [kill._replace(during="") for kill in KILLS]
            run.kill([kinds[number % len(kinds)] for number in range(arguments.kills)], between_s=(0.2, 20))
            report(run, time.monotonic() - began, quiet)
        if arguments.preemptions:
            start_slurm()
            began = time.monotonic()
            run = FaultyRun(
                preempted, ["all", "--profile", "profiles/ci", "--configfile", TINY], arguments.seed
            )
            run.preempt(arguments.preemptions, between_s=(5, 25))
            report(run, time.monotonic() - began, quiet)


if __name__ == "__main__":
    main()
