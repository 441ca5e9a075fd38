"""A copy of the repository that workflow tests may run and edit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from doc_examples import painted_sections, write_painted_hearts

REPOSITORY = Path(__file__).parents[2]
#: The study that most tests run.
TINY = "config/studies/tiny.yaml"
PARTS = ("Snakefile", "slurm", "workflow", "config", "profiles", "envs", "src")


#: What the environment of a user may hold and no result may: tokens, and folders that bear a name.
SECRETS = {
    "SYNTHAUG_TEST_TOKEN": "secret-marker-token",
    "WANDB_API_KEY": "secret-marker-key",
    "nnUNet_raw": "/home/secret-marker-person/raw",
}
#: In each of them.
SECRET = b"secret-marker"


@dataclass
class Checkout:
    """A copy of the repository that tests may edit and run."""

    root: Path

    def snakemake(
        self, *arguments: str, check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the copy with the copy's own package and further environment variables."""
        environment = {**os.environ, **SECRETS, "PYTHONPATH": str(self.root / "src"), **variables}
        command = [sys.executable, "-m", "snakemake", *arguments]
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True)
        if check and done.returncode:
            pytest.fail(
                f"{' '.join(command)} exited with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
            )
        return done

    def run(self, study: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a study on two cores."""
        return self.snakemake("--configfile", study, "--cores", "2", *arguments, check=check)

    def would_run(self, study: str, *arguments: str) -> dict[str, int]:
        """Rules that a run would execute now, with the number of jobs of each."""
        done = self.run(study, "--dry-run", *arguments)
        jobs = jobs_of(done.stdout + done.stderr)
        jobs.pop("total", None)
        return jobs


def jobs_of(said: str) -> dict[str, int]:
    """The table that Snakemake writes before it runs: jobs of each rule, and ``total``."""
    table = re.search(r"^job +count\n[- ]+\n(.*?^total.*?)$", said, re.M | re.S)
    return {row.split()[0]: int(row.split()[1]) for row in table[1].splitlines()} if table else {}


def copy_repository(target: Path) -> Checkout:
    """Copy what a study needs to run."""
    target.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_symlink():
            (target / part).symlink_to(source.readlink())
        elif source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy2(source, target / part)
    return Checkout(target)


def add_painted_study(checkout: Checkout) -> str:
    """The tiny study with the generator of docs/adding-a-generator.md, its file beside the Snakefile."""
    write_painted_hearts(checkout.root)
    study = yaml.safe_load((checkout.root / "config" / "studies" / "tiny.yaml").read_text())
    sections = painted_sections()
    sections["models"]["palette"]["training"]["iterations"] = 10
    for name, entries in sections.items():
        study[name] |= entries
    path = "config/studies/painted.yaml"
    (checkout.root / path).write_text(yaml.safe_dump(study))
    return path
