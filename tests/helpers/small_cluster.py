"""A single-node Slurm on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

START = Path(__file__).parents[1] / "slurm" / "start_slurm.sh"


def slurm_can_start() -> bool:
    """Whether its programs are installed, and this is root, who may start them."""
    installed = all(shutil.which(program) for program in ("slurmctld", "slurmd", "munged"))
    return installed and os.geteuid() == 0


def start_slurm() -> None:
    """Start it, unless it runs already."""
    subprocess.run(["bash", str(START)], check=True)
