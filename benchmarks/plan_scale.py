"""Time and memory that Snakemake needs to plan a large study.

    .venv/bin/python benchmarks/plan_scale.py 10000 100000 1000000

A dry run of a study of the given numbers of synthetic subjects per fold: one generator, 25 arms with their controls, 5 folds, 5 training
seeds. docs/scaling.md keeps
what it printed. The plan is made in a copy of the workflow without results, so that every job is to be run.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[1]
PARTS = ("Snakefile", "workflow", "config", "envs", "src")
DOSES = (0.25, 0.5, 1.0, 2.0, 3.0)


def study(subjects: int, chunk_size: int) -> dict[str, object]:
    """The tiny study with more of everything: a real arm, five doses with three controls each, four of synthetic ones alone."""
    settings: dict[str, object] = yaml.safe_load(
        (REPOSITORY / "config" / "studies" / "tiny.yaml").read_text()
    )
    alone = {
        f"only-{100 * dose:g}": {"real": False, "generator": "cascade", "dose": dose} for dose in DOSES[:4]
    }
    mixed = {f"mix-{100 * dose:g}": {"generator": "cascade", "dose": dose} for dose in DOSES}
    settings["name"] = "scale"
    settings["datasets"] = {
        "phantom-a": {"layout": "acdc", "vendor": "A", "phantom": {"subjects": 100, "vendors": ["A"]}}
    }
    settings["split"] = {"folds": 5, "scheme": "within_domain"}
    settings["synthesis"] = {"subjects": subjects, "chunk_size": chunk_size}
    settings["arms"] = {"real": {}, **mixed, **alone}
    settings["generators"] = {"cascade": settings["generators"]["cascade"]}  # type: ignore[index]
    settings["tasks"]["segmentation"]["training_seeds"] = [0, 1, 2, 3, 4]  # type: ignore[index]
    return settings


def plan(subjects: int, chunk_size: int, folder: Path) -> str:
    """One row of the table."""
    for part in PARTS:
        source = REPOSITORY / part
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / part)
    (folder / "study.yaml").write_text(yaml.safe_dump(study(subjects, chunk_size)))
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--dry-run",
        "--quiet",
        "rules",
        "--cores",
        "2",
        "--configfile",
        "study.yaml",
    ]
    started = time.perf_counter()
    done = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = done.stdout.read() if done.stdout else ""
    _, status, usage = os.wait4(done.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit(said[-3000:])
    jobs = int(re.findall(r"^total +(\d+)", said, re.M)[0])
    cpu = usage.ru_utime + usage.ru_stime
    return f"{subjects:>10,} {chunk_size:>6} {jobs:>8,} {cpu:>8.1f} {seconds:>8.1f} {usage.ru_maxrss / 2**20:>9.2f}"


def main() -> None:
    """Print a row for each number of subjects."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("subjects", type=int, nargs="+")
    parser.add_argument("--chunk-size", type=int, default=16)
    arguments = parser.parse_args()
    print(
        f"{'subjects':>10} {'chunk':>6} {'jobs':>8} {'CPU (s)':>8} {'wall (s)':>8} {'peak (GiB)':>9}",
        flush=True,
    )
    for subjects in arguments.subjects:
        with tempfile.TemporaryDirectory() as folder:
            print(plan(subjects, arguments.chunk_size, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
