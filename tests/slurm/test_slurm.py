"""The tiny study through a real single-node Slurm, as on a cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from checkout import copy_repository
from requirements import require

pytestmark = pytest.mark.slurm
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def slurm():
    """A running Slurm; started here, as root, where its programs are installed."""
    installed = all(shutil.which(program) for program in ("slurmctld", "slurmd", "munged"))
    require(
        "slurm", installed and os.geteuid() == 0, "needs slurm-wlm and munge, and to be root to start them"
    )
    subprocess.run(["bash", str(HERE / "start_slurm.sh")], check=True)


def test_the_tiny_study_runs_through_slurm(slurm, tmp_path):
    checkout = copy_repository(tmp_path / "synthaug")
    done = checkout.snakemake("all", "--profile", "profiles/ci", "--configfile", "config/studies/tiny.yaml")
    assert (checkout.root / "results" / "tiny" / "report.html").is_file()
    assert "SLURM" in done.stderr
