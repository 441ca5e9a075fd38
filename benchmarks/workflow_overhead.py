"""What Snakemake itself takes of a study: processor time of its own process beside that of all its jobs.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/workflow_overhead.py config/config.yaml
    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/workflow_overhead.py config/studies/tiny.yaml

The study runs in a copy of the repository. Processor time depends less than time on the clock on what else the
machine does. Jobs are child processes of Snakemake; what they import counts as theirs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from checkout import copy_repository


def main() -> None:
    """Run the study and print both times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("study")
    parser.add_argument("--target", default="all")
    parser.add_argument("--cores", default="2")
    parser.add_argument("--keep", type=Path, help="folder for a copy of the results; it must not exist")
    asked = parser.parse_args()
    if asked.keep and asked.keep.exists():
        parser.error(f"--keep {asked.keep}: it exists; name a new folder")
    with tempfile.TemporaryDirectory() as folder:
        checkout = copy_repository(Path(folder) / "synthaug")
        arguments = [asked.target, "--cores", asked.cores, "--configfile", asked.study, "--quiet", "all"]
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=checkout.root,
            env={**os.environ, "PYTHONPATH": str(checkout.root / "src")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        watched = psutil.Process(process.pid)
        times = watched.cpu_times()
        # The last look before the end: a process that was waited for has no times of its own.
        while process.poll() is None:
            try:
                times = watched.cpu_times()
            except psutil.NoSuchProcess:
                break
            time.sleep(0.2)
        if process.wait():
            sys.exit(f"{asked.study}: exit {process.returncode}")
        own, jobs = times.user + times.system, times.children_user + times.children_system
        minutes = (time.monotonic() - began) / 60
        if asked.keep:
            shutil.copytree(checkout.root / "results", asked.keep, symlinks=True)
    print(
        f"{asked.study}: Snakemake {own:.1f} s, its jobs {jobs:.1f} s, {100 * own / (own + jobs):.2f} %; {minutes:.1f} min"
    )


if __name__ == "__main__":
    main()
